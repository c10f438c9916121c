// Blocks of 256: runs of 16 or 32 with a small integer scale (and minimum) each, times a half for the block.
//
// Three steps: the best real scale of each run; the block's scale that brings those closest to integers,
// where a run's error grows with Σwq² of its levels; then, with the halves as they will be read back, the
// integers themselves, tried around their places by what each really loses. The block's scale is solved again
// for the levels so chosen, and the last step repeated.
#include <cstring>
#include <limits>

#include "convert/block_quantizers.h"
#include "convert/half.h"
#include "convert/scale_search.h"

namespace hearth::convert {
namespace {

constexpr int kSize = 256;
constexpr int kRounds = 3;

// ---- x ≈ d · scale · level ----

template <int N>
struct Scaled {
  float d = 0;  // a half's value
  int scale[kSize / N] = {};
  uint8_t codes[kSize] = {};
};

template <typename Grid, int N, int Low, int High>
Scaled<N> quantize_scaled(const float* x, const float* weights) {
  constexpr int kRuns = kSize / N;
  Run<N> runs[kRuns];
  Run<kRuns> scales;
  for (int r = 0; r < kRuns; ++r) {
    runs[r] = load_run<N>(x + r * N, weights != nullptr ? weights + r * N : nullptr);
    const ScaleFit fit = fit_scale<Grid>(runs[r]);
    scales.x[r / 4][r % 4] = fit.scale;
    scales.w[r / 4][r % 4] = fit.curvature;
  }

  Scaled<N> best;
  float least = std::numeric_limits<float>::infinity();
  float d = nearest_half(fit_scale<Uniform<Low, High>>(scales).scale);
  for (int round = 0; round < kRounds; ++round) {
    Scaled<N> now{.d = d};
    float error = 0;
    ScaleSums block;
    for (int r = 0; r < kRuns; ++r) {
      const float wish = d == 0 ? 0 : scales.x[r / 4][r % 4] / d;
      const int middle = static_cast<int>(std::lrint(std::clamp<float>(wish, Low, High)));
      float run_error = std::numeric_limits<float>::infinity();
      ScaleSums run_sums;
      for (int s = std::max(middle - 1, Low); s <= std::min(middle + 1, High); ++s) {
        ScaleSums sums;
        const float e = scale_error<Grid>(runs[r], d * static_cast<float>(s), sums);
        if (e >= run_error) continue;
        run_error = e;
        run_sums = sums;
        now.scale[r] = s;
      }
      const auto s = static_cast<float>(now.scale[r]);
      error += run_error;
      block.xq += s * run_sums.xq;
      block.qq += s * s * run_sums.qq;
    }
    if (error < least) {
      least = error;
      best = now;
    }
    const float next = block.qq > 0 ? nearest_half(block.xq / block.qq) : d;
    if (next == d) break;
    d = next;
  }
  for (int r = 0; r < kRuns; ++r) {
    encode<Grid>(runs[r], best.d * static_cast<float>(best.scale[r]), best.codes + r * N);
  }
  return best;
}

// ---- x ≈ d · scale · q - dmin · minimum ----

template <int N>
struct Offset {
  float d = 0, dmin = 0;
  int scale[kSize / N] = {};
  int minimum[kSize / N] = {};
  uint8_t codes[kSize] = {};
};

// The halves that fit the chosen integers best: least squares in two unknowns.
template <int High, int N>
bool solve_halves(const Run<N>* runs, const Offset<N>& now, float& d, float& dmin) {
  double aa = 0, ab = 0, bb = 0, ax = 0, bx = 0;  // a = scale·q, b = minimum
  for (int r = 0; r < kSize / N; ++r) {
    const auto s = static_cast<float>(now.scale[r]), m = static_cast<float>(now.minimum[r]);
    const float scale = now.d * s;
    const OffsetSums sums = offset_sums<High>(runs[r], scale < kSmallestValue ? 0 : 1 / scale, -now.dmin * m);
    aa += static_cast<double>(s * s * sums.qq);
    ab += static_cast<double>(s * m * sums.q);
    bb += static_cast<double>(m * m * sums.w);
    ax += static_cast<double>(s * sums.xq);
    bx += static_cast<double>(m * sums.x);
  }
  const double determinant = aa * bb - ab * ab;
  if (determinant > 1e-9 * aa * bb) {
    d = nearest_half(static_cast<float>((ax * bb - bx * ab) / determinant));
    dmin = nearest_half(static_cast<float>((ax * ab - bx * aa) / determinant));
  } else if (aa > 0) {
    d = nearest_half(static_cast<float>(ax / aa));
    dmin = 0;
  }
  return d >= 0 && dmin >= 0;
}

template <int High, int N, int MostScale>
Offset<N> quantize_offset(const float* x, const float* weights) {
  constexpr int kRuns = kSize / N;
  Run<N> runs[kRuns];
  Run<kRuns> scales, minima;
  for (int r = 0; r < kRuns; ++r) {
    runs[r] = load_run<N>(x + r * N, weights != nullptr ? weights + r * N : nullptr);
    const OffsetFit fit = fit_offset<High>(runs[r], false);
    scales.x[r / 4][r % 4] = fit.scale;
    scales.w[r / 4][r % 4] = fit.curvature;
    minima.x[r / 4][r % 4] = std::max(-fit.offset, 0.0f);
    minima.w[r / 4][r % 4] = fit.weight;
  }

  using Integers = Uniform<0, MostScale>;
  Offset<N> best;
  float least = std::numeric_limits<float>::infinity();
  float d = nearest_half(fit_scale<Integers>(scales).scale);
  float dmin = nearest_half(fit_scale<Integers>(minima).scale);
  for (int round = 0; round < kRounds; ++round) {
    Offset<N> now{.d = d, .dmin = dmin};
    float error = 0;
    for (int r = 0; r < kRuns; ++r) {
      const auto place = [](float wish, float unit) {
        return unit == 0 ? 0 : static_cast<int>(std::lrint(std::clamp<float>(wish / unit, 0, MostScale)));
      };
      const int scale = place(scales.x[r / 4][r % 4], d), minimum = place(minima.x[r / 4][r % 4], dmin);
      float run_error = std::numeric_limits<float>::infinity();
      for (int s = std::max(scale - 1, 0); s <= std::min(scale + 1, MostScale); ++s) {
        for (int m = std::max(minimum - 1, 0); m <= std::min(minimum + 1, MostScale); ++m) {
          const float e =
              offset_error<High>(runs[r], d * static_cast<float>(s), -dmin * static_cast<float>(m));
          if (e >= run_error) continue;
          run_error = e;
          now.scale[r] = s;
          now.minimum[r] = m;
        }
      }
      error += run_error;
    }
    if (error < least) {
      least = error;
      best = now;
    }
    const float before = d, before_min = dmin;
    if (!solve_halves<High>(runs, now, d, dmin) || (d == before && dmin == before_min)) break;
  }
  for (int r = 0; r < kRuns; ++r) {
    encode_offset<High>(runs[r], best.d * static_cast<float>(best.scale[r]),
                        -best.dmin * static_cast<float>(best.minimum[r]), best.codes + r * N);
  }
  return best;
}

// ---- packing ----

// Two bits a code, four runs of 32 to 32 bytes.
void pack_pairs(const uint8_t* codes, uint8_t (&qs)[64]) {
  std::memset(qs, 0, sizeof qs);
  for (int i = 0; i < kSize; ++i) {
    qs[i / 128 * 32 + i % 32] |= static_cast<uint8_t>((codes[i] & 3) << (i % 128 / 32 * 2));
  }
}

// Four bits a code, two runs of 32 to 32 bytes.
void pack_nibbles(const uint8_t* codes, uint8_t (&qs)[128]) {
  for (int i = 0; i < 128; ++i) {
    const uint8_t* low = codes + i / 32 * 64 + i % 32;
    qs[i] = static_cast<uint8_t>((low[0] & 15) | (low[32] & 15) << 4);
  }
}

// Eight scales and eight minima of six bits.
void pack_scales(const int (&scale)[8], const int (&minimum)[8], uint8_t (&to)[12]) {
  for (int i = 0; i < 4; ++i) {
    to[i] = static_cast<uint8_t>(scale[i] | scale[i + 4] >> 4 << 6);
    to[i + 4] = static_cast<uint8_t>(minimum[i] | minimum[i + 4] >> 4 << 6);
    to[i + 8] = static_cast<uint8_t>((scale[i + 4] & 15) | (minimum[i + 4] & 15) << 4);
  }
}

}  // namespace

void quantize_block(const float* x, const float* weights, kernels::BlockQ2_K& out) {
  const Offset<16> block = quantize_offset<3, 16, 15>(x, weights);
  store_half(block.d, out.d);
  store_half(block.dmin, out.dmin);
  for (int r = 0; r < 16; ++r) out.scales[r] = static_cast<uint8_t>(block.scale[r] | block.minimum[r] << 4);
  pack_pairs(block.codes, out.qs);
}

void quantize_block(const float* x, const float* weights, kernels::BlockQ3_K& out) {
  const Scaled<16> block = quantize_scaled<Uniform<-4, 3>, 16, -32, 31>(x, weights);
  store_half(block.d, out.d);
  std::memset(out.scales, 0, sizeof out.scales);
  for (int r = 0; r < 16; ++r) {
    const int scale = block.scale[r] + 32;
    out.scales[r % 8] |= static_cast<uint8_t>((scale & 15) << (r / 8 * 4));
    out.scales[8 + r % 4] |= static_cast<uint8_t>(scale >> 4 << (r / 4 * 2));
  }
  pack_pairs(block.codes, out.qs);
  std::memset(out.hmask, 0, sizeof out.hmask);
  for (int i = 0; i < kSize; ++i)
    out.hmask[i % 32] |= static_cast<uint8_t>((block.codes[i] >> 2) << (i / 32));
}

void quantize_block(const float* x, const float* weights, kernels::BlockQ4_K& out) {
  const Offset<32> block = quantize_offset<15, 32, 63>(x, weights);
  store_half(block.d, out.d);
  store_half(block.dmin, out.dmin);
  pack_scales(block.scale, block.minimum, out.scales);
  pack_nibbles(block.codes, out.qs);
}

void quantize_block(const float* x, const float* weights, kernels::BlockQ5_K& out) {
  const Offset<32> block = quantize_offset<31, 32, 63>(x, weights);
  store_half(block.d, out.d);
  store_half(block.dmin, out.dmin);
  pack_scales(block.scale, block.minimum, out.scales);
  pack_nibbles(block.codes, out.qs);
  std::memset(out.qh, 0, sizeof out.qh);
  for (int i = 0; i < kSize; ++i) out.qh[i % 32] |= static_cast<uint8_t>((block.codes[i] >> 4) << (i / 32));
}

void quantize_block(const float* x, const float* weights, kernels::BlockQ6_K& out) {
  const Scaled<16> block = quantize_scaled<Uniform<-32, 31>, 16, -128, 127>(x, weights);
  store_half(block.d, out.d);
  for (int r = 0; r < 16; ++r) out.scales[r] = static_cast<uint8_t>(block.scale[r]);
  std::memset(out.ql, 0, sizeof out.ql);
  std::memset(out.qh, 0, sizeof out.qh);
  for (int i = 0; i < kSize; ++i) {
    const int half = i / 128, run = i % 128 / 32, l = i % 32;  // runs 0, 1: low nibbles; 2, 3: high ones
    out.ql[half * 64 + run % 2 * 32 + l] |= static_cast<uint8_t>((block.codes[i] & 15) << (run / 2 * 4));
    out.qh[half * 32 + l] |= static_cast<uint8_t>((block.codes[i] >> 4) << (run * 2));
  }
}

void quantize_block(const float* x, const float* weights, kernels::BlockIQ4_XS& out) {
  const Scaled<32> block = quantize_scaled<NonLinear, 32, -32, 31>(x, weights);
  store_half(block.d, out.d);
  std::memset(out.scales_h, 0, sizeof out.scales_h);
  std::memset(out.scales_l, 0, sizeof out.scales_l);
  for (int r = 0; r < 8; ++r) {
    const int scale = block.scale[r] + 32;
    out.scales_l[r / 2] |= static_cast<uint8_t>((scale & 15) << (r % 2 * 4));
    out.scales_h[r / 4] |= static_cast<uint8_t>(scale >> 4 << (r % 4 * 2));
    for (int i = 0; i < 16; ++i) {
      const uint8_t* codes = block.codes + 32 * r;
      out.qs[16 * r + i] = static_cast<uint8_t>(codes[i] | codes[i + 16] << 4);
    }
  }
}

}  // namespace hearth::convert
