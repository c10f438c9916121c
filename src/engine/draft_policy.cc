#include "engine/draft_policy.h"

#include <algorithm>

namespace hearth::engine {
namespace {

// Steps after which a time is forgotten. While drafts go well, one step in so many is made without, which
// measures anew what they are compared with.
constexpr int64_t kForgetAfter = 128;

// What a further row costs as long as nothing is measured, as a share of a step of one row.
constexpr double kGuessedRowCost = 0.25;

// The part of a step that may be lost per step.
constexpr double kAllowance = 0.005;

// How much longer a step may get for sequences whose own tokens are not drafted.
constexpr double kSharedCost = 0.25;

// Lengths of matches, as classes, and the rates that sequences begin with.
constexpr int64_t kMatchLengths[] = {2, 3, 4, 8};
constexpr double kUsualRates[] = {0.15, 0.4, 0.65, 0.85};
constexpr double kUsualWeight = 4;  // as if so many tokens had been tried
constexpr double kFading = 0.99;    // per step

size_t class_of(int64_t match_length) {
  size_t i = std::size(kMatchLengths) - 1;
  while (i > 0 && match_length < kMatchLengths[i]) --i;
  return i;
}

}  // namespace

void StepTimes::add(int64_t n_rows, double seconds) {
  ++n_steps_;
  if (n_rows > kMaxDecodeRows) return;
  Samples& samples = by_rows_[static_cast<size_t>(n_rows)];
  if (!fresh(samples)) samples.n = 0;
  samples.seconds[samples.n++ % kSamples] = seconds;
  samples.last_step = n_steps_;
}

bool StepTimes::fresh(const Samples& samples) const {
  return samples.n > 0 && n_steps_ - samples.last_step < kForgetAfter;
}

double StepTimes::measured(int64_t n_rows) const {
  if (n_rows > kMaxDecodeRows) return 0;
  const Samples& samples = by_rows_[static_cast<size_t>(n_rows)];
  if (!fresh(samples)) return 0;
  std::array<double, kSamples> sorted = samples.seconds;
  const auto n = static_cast<ptrdiff_t>(std::min(samples.n, kSamples));
  std::sort(sorted.begin(), sorted.begin() + n);
  return sorted[static_cast<size_t>(n / 2)];
}

double StepTimes::expected(int64_t n_rows) const {
  int64_t below = n_rows, above = n_rows;
  while (below > 0 && measured(below) == 0) --below;
  if (below == 0 || below == n_rows) return measured(below);
  const double low = measured(below);
  const auto share = [&](int64_t to) {
    return static_cast<double>(n_rows - below) / static_cast<double>(to - below);
  };
  while (above <= kMaxDecodeRows && measured(above) == 0) ++above;
  if (above <= kMaxDecodeRows) return low + (measured(above) - low) * share(above);
  int64_t lower = below - 1;
  while (lower > 0 && measured(lower) == 0) --lower;
  const double row = lower > 0
                         ? std::max(0.0, (low - measured(lower)) / static_cast<double>(below - lower))
                         : low * kGuessedRowCost / (1 + kGuessedRowCost * static_cast<double>(below - 1));
  return low + row * static_cast<double>(n_rows - below);
}

double DraftAcceptance::rate(int64_t match_length) const {
  const size_t i = class_of(match_length);
  return (kUsualRates[i] * kUsualWeight + counts_[i].accepted) / (kUsualWeight + counts_[i].tried);
}

void DraftAcceptance::add(int64_t match_length, int64_t n_drafted, int64_t n_accepted) {
  for (Counts& counts : counts_) {
    counts.tried *= kFading;
    counts.accepted *= kFading;
  }
  if (n_drafted == 0) return;
  Counts& counts = counts_[class_of(match_length)];
  counts.tried += static_cast<double>(std::min(n_accepted + 1, n_drafted));
  counts.accepted += static_cast<double>(n_accepted);
}

void DraftPolicy::choose(int64_t n_sequences, int64_t max_rows, std::span<Candidate> candidates) const {
  const double plain = times_.measured(n_sequences);
  if (plain == 0) return;  // this step measures it
  const double budget = n_sequences > 1 ? std::min(credit_, kSharedCost) : credit_;
  // Row by row to the sequence whose next drafted token is likeliest to count; then back to the best number.
  std::vector<Candidate*> rows;
  std::vector<double> chance(candidates.size(), 1.0);  // that all tokens drafted so far are right
  double tokens = static_cast<double>(n_sequences), best_rate = tokens;
  size_t n_best = 0;
  for (int64_t n_rows = n_sequences + 1; n_rows <= max_rows; ++n_rows) {
    const double cost = times_.expected(n_rows) / plain - 1;
    if (cost > budget) break;
    size_t next = candidates.size();
    double best_chance = 0;
    for (size_t i = 0; i < candidates.size(); ++i) {
      const double p = chance[i] * candidates[i].acceptance;
      if (candidates[i].n < candidates[i].available && p > best_chance) {
        best_chance = p;
        next = i;
      }
    }
    if (next == candidates.size()) break;
    chance[next] = best_chance;
    ++candidates[next].n;
    rows.push_back(&candidates[next]);
    tokens += best_chance;
    if (const double rate = tokens / (1 + cost); rate > best_rate) {
      best_rate = rate;
      n_best = rows.size();
    }
  }
  // With a full credit one token is tried although it does not promise to pay: rates and times change.
  if (credit_ >= kCreditLimit) n_best = std::max(n_best, std::min<size_t>(rows.size(), 1));
  for (; rows.size() > n_best; rows.pop_back()) --rows.back()->n;
}

void DraftPolicy::add(int64_t n_sequences, int64_t n_drafted, int64_t n_accepted, double seconds) {
  times_.add(n_sequences + n_drafted, seconds);
  double change = kAllowance;
  const double plain = times_.measured(n_sequences);
  if (n_drafted > 0 && plain > 0) {
    change += static_cast<double>(n_accepted) / static_cast<double>(n_sequences) -
              (times_.expected(n_sequences + n_drafted) / plain - 1);
  }
  credit_ = std::clamp(credit_ + change, 0.0, kCreditLimit);
}

}  // namespace hearth::engine
