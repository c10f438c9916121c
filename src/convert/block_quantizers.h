// The quantisers of single blocks, for quantizer.cc. x and weights (or null) are of one block.
#pragma once

#include "kernels/quant_blocks.h"

namespace hearth::convert {

void quantize_block(const float* x, const float* weights, kernels::BlockQ4_0& out);
void quantize_block(const float* x, const float* weights, kernels::BlockQ4_1& out);
void quantize_block(const float* x, const float* weights, kernels::BlockQ5_0& out);
void quantize_block(const float* x, const float* weights, kernels::BlockQ5_1& out);
void quantize_block(const float* x, const float* weights, kernels::BlockQ8_0& out);
void quantize_block(const float* x, const float* weights, kernels::BlockIQ4_NL& out);
void quantize_block(const float* x, const float* weights, kernels::BlockMXFP4& out);

void quantize_block(const float* x, const float* weights, kernels::BlockQ2_K& out);
void quantize_block(const float* x, const float* weights, kernels::BlockQ3_K& out);
void quantize_block(const float* x, const float* weights, kernels::BlockQ4_K& out);
void quantize_block(const float* x, const float* weights, kernels::BlockQ5_K& out);
void quantize_block(const float* x, const float* weights, kernels::BlockQ6_K& out);
void quantize_block(const float* x, const float* weights, kernels::BlockIQ4_XS& out);

}  // namespace hearth::convert
