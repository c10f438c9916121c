// The search under all quantisers: for a run of values, the scale (and offset) whose nearest levels are
// closest, in weighted squares.
//
// For fixed levels q the best scale is a least-squares solution in closed form, and so is how much error it
// removes: with x ≈ s·q the error is Σwx² - (Σwxq)²/Σwq². So each candidate of a scale only serves to choose
// levels; the solution for them is a better scale, which may choose better levels again (Lloyd's iteration,
// IEEE Trans. Inf. Theory 28(2), 1982).
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "convert/lanes.h"
#include "kernels/quant_blocks.h"

namespace hearth::convert {

// Magnitudes below this count as zero: their inverse would be too large.
inline constexpr float kSmallestValue = 1e-30f;

// N values of a row and what an error in each of them weighs (>= 0).
template <int N>
struct Run {
  Lanes x[N / 4];
  Lanes w[N / 4];
};

// `weights` may be null: all the same.
template <int N>
Run<N> load_run(const float* x, const float* weights) {
  Run<N> run;
  for (int i = 0; i < N / 4; ++i) {
    run.x[i] = load_lanes(x + 4 * i);
    run.w[i] = weights != nullptr ? load_lanes(weights + 4 * i) : all_lanes(1);
  }
  return run;
}

// The levels Low, Low + 1, … High.
template <int Low, int High>
struct Uniform {
  static constexpr float kLow = Low, kHigh = High;
  static constexpr int kSteps = 8;  // candidates on each side of the plain scale
  static Lanes level(Lanes v) { return round_lanes(at_most(at_least(v, kLow), kHigh)); }
  static uint8_t code(float level) { return static_cast<uint8_t>(static_cast<int>(level) - Low); }
};

// The levels of IQ4_NL and IQ4_XS, closer together near zero.
struct NonLinear {
  static constexpr float kLow = -127, kHigh = 113;
  static constexpr int kSteps = 4;

  static Lanes level(Lanes v) {
    Lanes level = all_lanes(kLow);
    for (int i = 0; i < 15; ++i) {
      const int step = kernels::kIq4Values[i + 1] - kernels::kIq4Values[i];
      const float middle = static_cast<float>(kernels::kIq4Values[i + 1] + kernels::kIq4Values[i]) / 2;
      level += where(v > all_lanes(middle), all_lanes(static_cast<float>(step)));
    }
    return level;
  }
  static uint8_t code(float level) {
    const auto* const end = std::end(kernels::kIq4Values);
    return static_cast<uint8_t>(std::lower_bound(kernels::kIq4Values, end, level) - kernels::kIq4Values);
  }
};

// ---- x ≈ scale · level ----

// Sums of a run for the levels that some scale chose.
struct ScaleSums {
  float xq = 0;
  float qq = 0;
  float gain() const { return qq > 0 ? xq * xq / qq : 0; }
};

template <typename Grid, int N>
ScaleSums scale_sums(const Run<N>& run, float inverse) {
  Lanes xq = all_lanes(0), qq = all_lanes(0);
  const Lanes factor = all_lanes(inverse);
  for (int i = 0; i < N / 4; ++i) {
    const Lanes q = Grid::level(run.x[i] * factor);
    const Lanes wq = run.w[i] * q;
    xq += wq * run.x[i];
    qq += wq * q;
  }
  return {sum_of(xq), sum_of(qq)};
}

struct ScaleFit {
  float scale = 0;
  float curvature = 0;  // half the second derivative of the error by the scale: Σwq²
};

// Either end of the grid may take the value of largest magnitude, which may also lie a little beyond it.
template <typename Grid, int N>
ScaleFit fit_scale(const Run<N>& run) {
  float low = 0, high = 0;
  for (int i = 0; i < N; ++i) {
    low = std::min(low, run.x[i / 4][i % 4]);
    high = std::max(high, run.x[i / 4][i % 4]);
  }
  const float peak = -low > high ? low : high;
  if (std::fabs(peak) < kSmallestValue) return {};

  ScaleSums best;
  for (const float end : {Grid::kLow, Grid::kHigh}) {
    if (end == 0) continue;
    // From where the peak is the last level but one to where it is cut off by half a level and more.
    const float spread = std::max(1.0f, std::fabs(end) / 8);
    for (int step = -Grid::kSteps; step <= Grid::kSteps; ++step) {
      const float target = std::fabs(end) + spread * static_cast<float>(step) / Grid::kSteps;
      const ScaleSums sums = scale_sums<Grid>(run, std::copysign(target, end) / peak);
      if (sums.gain() > best.gain() && (Grid::kLow < 0 || sums.xq > 0)) best = sums;
    }
  }
  for (int round = 0; round < 4 && best.xq != 0; ++round) {
    const ScaleSums sums = scale_sums<Grid>(run, best.qq / best.xq);
    if (!(sums.gain() > best.gain())) break;
    best = sums;
  }
  return best.qq > 0 ? ScaleFit{best.xq / best.qq, best.qq} : ScaleFit{};
}

// Σw(x - scale·level)² with the nearest levels.
template <typename Grid, int N>
float scale_error(const Run<N>& run, float scale, ScaleSums& sums) {
  if (std::fabs(scale) < kSmallestValue) {
    Lanes error = all_lanes(0);
    for (int i = 0; i < N / 4; ++i) error += run.w[i] * run.x[i] * run.x[i];
    sums = {};
    return sum_of(error);
  }
  const Lanes inverse = all_lanes(1 / scale), factor = all_lanes(scale);
  Lanes error = all_lanes(0), xq = all_lanes(0), qq = all_lanes(0);
  for (int i = 0; i < N / 4; ++i) {
    const Lanes q = Grid::level(run.x[i] * inverse);
    const Lanes rest = run.x[i] - factor * q;
    error += run.w[i] * rest * rest;
    xq += run.w[i] * q * run.x[i];
    qq += run.w[i] * q * q;
  }
  sums = {sum_of(xq), sum_of(qq)};
  return sum_of(error);
}

// The codes of the levels nearest to x / scale.
template <typename Grid, int N>
void encode(const Run<N>& run, float scale, uint8_t* codes) {
  const Lanes inverse = all_lanes(std::fabs(scale) < kSmallestValue ? 0 : 1 / scale);
  for (int i = 0; i < N / 4; ++i) {
    const Lanes q = Grid::level(run.x[i] * inverse);
    for (int lane = 0; lane < 4; ++lane) codes[4 * i + lane] = Grid::code(q[lane]);
  }
}

// ---- x ≈ scale · q + offset, q = 0 … High ----

struct OffsetSums {
  float x = 0, w = 0, q = 0, qq = 0, xq = 0;
};

struct OffsetFit {
  float scale = 0;
  float offset = 0;
  float gain = -1;      // error removed
  float curvature = 0;  // as ScaleFit
  float weight = 0;     // half the second derivative by the offset: Σw
};

template <int High, int N>
OffsetSums offset_sums(const Run<N>& run, float inverse, float offset) {
  Lanes x = all_lanes(0), w = all_lanes(0), q1 = all_lanes(0), qq = all_lanes(0), xq = all_lanes(0);
  const Lanes factor = all_lanes(inverse), start = all_lanes(offset);
  for (int i = 0; i < N / 4; ++i) {
    const Lanes q = Uniform<0, High>::level((run.x[i] - start) * factor);
    const Lanes wq = run.w[i] * q;
    x += run.w[i] * run.x[i];
    w += run.w[i];
    q1 += wq;
    qq += wq * q;
    xq += wq * run.x[i];
  }
  return {sum_of(x), sum_of(w), sum_of(q1), sum_of(qq), sum_of(xq)};
}

// The best line through the sums; with a positive offset only where that is allowed.
inline OffsetFit solve_offset(const OffsetSums& s, bool any_offset) {
  OffsetFit fit{.curvature = s.qq, .weight = s.w};
  const float determinant = s.w * s.qq - s.q * s.q;
  if (determinant > 0) {
    fit.scale = (s.w * s.xq - s.x * s.q) / determinant;
    fit.offset = (s.qq * s.x - s.q * s.xq) / determinant;
  }
  if (determinant <= 0 || fit.scale <= 0 || (!any_offset && fit.offset > 0)) {
    fit.offset = 0;
    fit.scale = s.qq > 0 ? std::max(0.0f, s.xq / s.qq) : 0;
  }
  fit.gain = fit.scale * s.xq + fit.offset * s.x;
  return fit;
}

template <int High, int N>
OffsetFit fit_offset(const Run<N>& run, bool any_offset) {
  float low = run.x[0][0], high = low;
  for (int i = 1; i < N; ++i) {
    low = std::min(low, run.x[i / 4][i % 4]);
    high = std::max(high, run.x[i / 4][i % 4]);
  }
  if (!any_offset) low = std::min(low, 0.0f);
  if (high - low < kSmallestValue) {
    const OffsetSums sums = offset_sums<High>(run, 0, 0);
    return {.scale = 0, .offset = low, .gain = 0, .curvature = 0, .weight = sums.w};
  }
  constexpr int kSteps = 8;
  OffsetFit best;
  for (int step = -kSteps; step <= kSteps; ++step) {
    const float target = High + static_cast<float>(step) / kSteps;
    const OffsetFit fit =
        solve_offset(offset_sums<High>(run, std::max(target, 0.5f) / (high - low), low), any_offset);
    if (fit.gain > best.gain) best = fit;
  }
  for (int round = 0; round < 4 && best.scale > kSmallestValue; ++round) {
    const OffsetFit fit = solve_offset(offset_sums<High>(run, 1 / best.scale, best.offset), any_offset);
    if (!(fit.gain > best.gain)) break;
    best = fit;
  }
  return best;
}

// Σw(x - scale·q - offset)² with the nearest q.
template <int High, int N>
float offset_error(const Run<N>& run, float scale, float offset) {
  const Lanes inverse = all_lanes(scale < kSmallestValue ? 0 : 1 / scale);
  const Lanes factor = all_lanes(scale), start = all_lanes(offset);
  Lanes error = all_lanes(0);
  for (int i = 0; i < N / 4; ++i) {
    const Lanes shifted = run.x[i] - start;
    const Lanes rest = shifted - factor * Uniform<0, High>::level(shifted * inverse);
    error += run.w[i] * rest * rest;
  }
  return sum_of(error);
}

template <int High, int N>
void encode_offset(const Run<N>& run, float scale, float offset, uint8_t* codes) {
  const Lanes inverse = all_lanes(scale < kSmallestValue ? 0 : 1 / scale);
  for (int i = 0; i < N / 4; ++i) {
    const Lanes q = Uniform<0, High>::level((run.x[i] - all_lanes(offset)) * inverse);
    for (int lane = 0; lane < 4; ++lane) codes[4 * i + lane] = static_cast<uint8_t>(q[lane]);
  }
}

}  // namespace hearth::convert
