#include "engine/step_pace.h"

#include <algorithm>
#include <cmath>

namespace hearth::engine {
namespace {

// A step with prompt rows, in steps without: the most that one shall take, and how many of a hundred may take
// more. The plan goes down after each that did and a little up after each that did not, by steps whose
// balance is at that share (Robbins and Monro 1951, for a quantile). The rest up to 2 is for what comes
// between two passes. The first plan leaves room for a fifth of scatter.
constexpr double kMostStretch = 1.95;
constexpr double kStretchUp = 0.004, kStretchDown = 0.1;  // 4 of 104
constexpr double kFirstStretch = 1.6, kLeastPlanned = 1.2, kMostPlanned = 1.9;
// Steps that are this short need not be shortened: nobody reads so fast.
constexpr double kUnnoticedSeconds = 0.02;
// A step of prompts alone: what somebody who arrives waits for. Shorter steps use the weights too little:
// with 16, 64 and 256 rows a step, a 0.6B model on two cores reads 219, 330 and 311 tokens/s.
constexpr double kAloneSeconds = 1.6;

// Fewer rows than this say more about the scatter of times than about the cost of a row.
constexpr int64_t kFewestRows = 2;

// Rows of a first step, when nothing is known yet, and how fast their number may grow.
constexpr int64_t kFirstBeside = 4;
constexpr int64_t kFirstAlone = 16;
constexpr int64_t kGrowth = 2;

// Steps with prompts after which one without is measured again: contexts grow, machines get busy, and what a
// step without takes would then be taken for the cost of rows.
constexpr int64_t kRemeasureAfter = 25;

constexpr double kNewest = 0.4;  // weight of the newest time in an average

void average(double& value, double newest) {
  value = value == 0 ? newest : value + kNewest * (newest - value);
}

}  // namespace

void StepPace::Recent::add(double seconds) {
  seconds_[n_++ % seconds_.size()] = seconds;
}

double StepPace::Recent::undisturbed() const {
  std::array<double, 5> sorted = seconds_;
  const auto end = sorted.begin() + static_cast<std::ptrdiff_t>(std::min(n_, sorted.size()));
  std::sort(sorted.begin(), end);
  return sorted[end - sorted.begin() > 1 ? 1 : 0];
}

void StepPace::Rows::add(int64_t n_rows, double row_seconds) {
  average(seconds, std::max(row_seconds, 1e-9));
  n_last = n_rows;
}

int64_t StepPace::Rows::within(double budget_seconds, int64_t first) const {
  if (n_last == 0) return first;
  const double n = std::min(budget_seconds / seconds, static_cast<double>(n_last * kGrowth));
  return std::max(static_cast<int64_t>(n), kFewestRows);
}

StepPace::StepPace() : stretch_(kFirstStretch) {}

double StepPace::decode_seconds(int64_t n_decoding) const {
  if (decode_.empty()) return 0;
  const auto above = decode_.lower_bound(n_decoding);
  return (above != decode_.end() ? above : std::prev(above))->second.undisturbed();
}

int64_t StepPace::prompt_rows(int64_t n_decoding, int64_t max_rows) const {
  if (n_decoding == 0) return std::min(alone_.within(kAloneSeconds, kFirstAlone), max_rows);
  const double decode = decode_seconds(n_decoding);
  if (decode == 0 || n_mixed_steps_ >= kRemeasureAfter) return 0;
  const double budget = std::max(stretch_ * decode, kUnnoticedSeconds) - decode;
  return std::min(beside_.within(budget, kFirstBeside), max_rows);
}

void StepPace::add(int64_t n_decoding, int64_t n_prompt_rows, double seconds) {
  const auto n_rows = static_cast<double>(n_prompt_rows);
  if (n_decoding == 0) return alone_.add(n_prompt_rows, seconds / n_rows);
  if (n_prompt_rows == 0) {
    n_mixed_steps_ = 0;
    return decode_[n_decoding].add(seconds);
  }
  ++n_mixed_steps_;
  const double decode = decode_seconds(n_decoding);
  beside_.add(n_prompt_rows, (seconds - decode) / n_rows);
  const bool too_long = seconds > std::max(kMostStretch * decode, kUnnoticedSeconds);
  stretch_ = std::clamp(stretch_ + (too_long ? -kStretchDown : kStretchUp), kLeastPlanned, kMostPlanned);
}

}  // namespace hearth::engine
