// Blocks of 32: one scale, or a scale and an offset.
#include <cstring>
#include <limits>

#include "convert/block_quantizers.h"
#include "convert/half.h"
#include "convert/scale_search.h"

namespace hearth::convert {
namespace {

constexpr int kSize = 32;

void pack_nibbles(const uint8_t* codes, uint8_t (&qs)[16]) {
  for (int i = 0; i < 16; ++i) qs[i] = static_cast<uint8_t>((codes[i] & 15) | (codes[i + 16] & 15) << 4);
}

void pack_fifth_bits(const uint8_t* codes, uint8_t (&qh)[4]) {
  std::memset(qh, 0, sizeof qh);
  for (int i = 0; i < kSize; ++i) qh[i / 8] |= static_cast<uint8_t>((codes[i] >> 4) << (i % 8));
}

template <typename Grid>
void fit_and_encode(const float* x, const float* weights, uint8_t (&d)[2], uint8_t* codes) {
  const Run<kSize> run = load_run<kSize>(x, weights);
  encode<Grid>(run, store_half(fit_scale<Grid>(run).scale, d), codes);
}

template <int High>
void fit_and_encode_offset(const float* x, const float* weights, uint8_t (&d)[2], uint8_t (&m)[2],
                           uint8_t* codes) {
  const Run<kSize> run = load_run<kSize>(x, weights);
  const OffsetFit fit = fit_offset<High>(run, true);
  const float scale = store_half(fit.scale, d);
  encode_offset<High>(run, scale, store_half(fit.offset, m), codes);
}

// The codes of the E2M1 levels nearest to x · inverse; the sign is the highest bit.
uint8_t mxfp4_code(float value) {
  const float magnitude = std::fabs(value);
  uint8_t code = 0;
  while (code < 7 &&
         2 * magnitude > static_cast<float>(kernels::kMxfp4Values[code] + kernels::kMxfp4Values[code + 1])) {
    ++code;
  }
  return static_cast<uint8_t>(value < 0 && code > 0 ? code | 8 : code);
}

}  // namespace

void quantize_block(const float* x, const float* weights, kernels::BlockQ4_0& out) {
  uint8_t codes[kSize];
  fit_and_encode<Uniform<-8, 7>>(x, weights, out.d, codes);
  pack_nibbles(codes, out.qs);
}

void quantize_block(const float* x, const float* weights, kernels::BlockQ4_1& out) {
  uint8_t codes[kSize];
  fit_and_encode_offset<15>(x, weights, out.d, out.m, codes);
  pack_nibbles(codes, out.qs);
}

void quantize_block(const float* x, const float* weights, kernels::BlockQ5_0& out) {
  uint8_t codes[kSize];
  fit_and_encode<Uniform<-16, 15>>(x, weights, out.d, codes);
  pack_nibbles(codes, out.qs);
  pack_fifth_bits(codes, out.qh);
}

void quantize_block(const float* x, const float* weights, kernels::BlockQ5_1& out) {
  uint8_t codes[kSize];
  fit_and_encode_offset<31>(x, weights, out.d, out.m, codes);
  pack_nibbles(codes, out.qs);
  pack_fifth_bits(codes, out.qh);
}

// With 255 levels a search gains nothing worth its time: the largest magnitude is the last level.
void quantize_block(const float* x, const float* weights, kernels::BlockQ8_0& out) {
  const Run<kSize> run = load_run<kSize>(x, weights);
  float largest = 0;
  for (int i = 0; i < kSize; ++i) largest = std::max(largest, std::fabs(x[i]));
  const float scale = store_half(largest / 127, out.d);
  uint8_t codes[kSize];
  encode<Uniform<-127, 127>>(run, scale, codes);
  for (int i = 0; i < kSize; ++i) out.q[i] = static_cast<uint8_t>(codes[i] - 127);
}

void quantize_block(const float* x, const float* weights, kernels::BlockIQ4_NL& out) {
  uint8_t codes[kSize];
  fit_and_encode<NonLinear>(x, weights, out.d, codes);
  pack_nibbles(codes, out.qs);
}

// The scale is a power of two: the one that brings the largest magnitude under the last level but for its own
// rounding, or a neighbour of it.
void quantize_block(const float* x, const float* weights, kernels::BlockMXFP4& out) {
  float largest = 0;
  for (int i = 0; i < kSize; ++i) largest = std::max(largest, std::fabs(x[i]));
  uint8_t codes[kSize] = {};
  out.e = 0;
  if (largest >= kSmallestValue) {
    const int middle = std::ilogb(largest) - 3 + 128;  // levels up to 12 = 1.5 · 2^3
    float best = std::numeric_limits<float>::infinity();
    for (int e = std::max(middle - 1, 2); e <= std::min(middle + 1, 254); ++e) {
      const float scale = kernels::mxfp4_scale(static_cast<uint8_t>(e));
      uint8_t candidate[kSize];
      float error = 0;
      for (int i = 0; i < kSize; ++i) {
        candidate[i] = mxfp4_code(x[i] / scale);
        const float rest = x[i] - scale * static_cast<float>(kernels::kMxfp4Values[candidate[i]]);
        error += (weights != nullptr ? weights[i] : 1) * rest * rest;
      }
      if (error < best) {
        best = error;
        out.e = static_cast<uint8_t>(e);
        std::memcpy(codes, candidate, sizeof codes);
      }
    }
  }
  pack_nibbles(codes, out.qs);
}

}  // namespace hearth::convert
