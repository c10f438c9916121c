// The scalar kernels: plain loops that define what every other table must compute. Arithmetic on weights is
// exact in integers up to the scale of a group of 32; sums over many terms are kept in double.
#pragma once

#include "kernels/kernels.h"

namespace hearth::kernels::reference {

// Fills every entry of `table`.
void install(KernelTable& table);

// The parts, by file.
void install_matmul(KernelTable& table);
void install_dequantize(KernelTable& table);
void quantize_activations(const float* x, size_t n, size_t group, const QuantizedRows& out);
void store_row(const float* x, size_t n, DType dtype, void* out);
void attend(const AttendArgs& args);
void merge_attention(const AttendState& part, size_t n_rows, size_t value_dim, const AttendState& into);
void install_elementwise(KernelTable& table);

}  // namespace hearth::kernels::reference
