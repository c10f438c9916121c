#include "engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>

namespace hearth::engine {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();
constexpr float kLargest = std::numeric_limits<float>::max();

uint64_t random_seed() {
  std::random_device device;
  return (static_cast<uint64_t>(device()) << 32) | device();
}

// Logits per entry of block_max_: few enough entries to rank, few enough logits to look through for one.
constexpr size_t kBlock = 128;
// Values worked on side by side, for the compiler to keep in vectors.
constexpr size_t kLanes = 16;

std::span<const float> block_of(std::span<const float> logits, size_t block) {
  return logits.subspan(block * kBlock, std::min(kBlock, logits.size() - block * kBlock));
}

tl::unexpected<Error> not_a_number() {
  return fail(ErrorCategory::kCorrupt,
              "the model's output is not a number; its file is damaged or was made with broken weights");
}

}  // namespace

Sampler::Sampler(SamplingParams params, SamplerOptions options, std::span<const int32_t> prompt)
    : params_(std::move(params)),
      options_(std::move(options)),
      random_(params_.seed ? *params_.seed : random_seed()),
      // Finite, so that the best logit's distance 0 stays 0 at the lowest of temperatures.
      inverse_temperature_(std::min(1 / params_.temperature, kLargest)),
      penalise_((params_.repetition_penalty != 1 || params_.frequency_penalty != 0 ||
                 params_.presence_penalty != 0) &&
                params_.penalty_window != 0) {
  if (options_.kernels == nullptr) options_.kernels = kernels::available_kernels().front();
  if (penalise_) look_back_at(prompt);
}

Result<SampledToken> Sampler::take(std::span<const float> logits, int32_t id) {
  SampledToken out;
  out.chosen.id = id;
  if (options_.logprobs) {
    const double log_sum = report_best(logits, out);
    if (!std::isfinite(max_)) return not_a_number();
    out.chosen.logprob = static_cast<float>(static_cast<double>(logits[static_cast<size_t>(id)]) - log_sum);
  }
  if (penalise_) remember(id);
  return out;
}

// The likeliest tokens of the model's own distribution, and the logarithm of its sum.
double Sampler::report_best(std::span<const float> logits, SampledToken& out) {
  scan(logits);
  const double log_sum = static_cast<double>(max_) + std::log(sum_weights(logits, 1));
  collect_best(logits, static_cast<size_t>(options_.top_logprobs));
  for (const Candidate& candidate : candidates_) {
    out.top.push_back({candidate.id, static_cast<float>(static_cast<double>(candidate.logit) - log_sum)});
  }
  return log_sum;
}

Result<SampledToken> Sampler::sample(std::span<float> logits) {
  SampledToken out;
  const double log_sum = options_.logprobs ? report_best(logits, out) : 0;

  Mask mask;
  if (options_.constraint) {
    HEARTH_TRY(mask, options_.constraint->allowed());
  }
  adjust(logits);
  if (mask) {
    scan_allowed(logits, *mask);
  } else if (!options_.logprobs || !changes_.empty()) {
    scan(logits);
  }
  if (!std::isfinite(max_)) {
    if (mask) {
      return fail(ErrorCategory::kInvalidArgument,
                  "no token that the requested format allows here can be chosen (suppressed, biased or not a "
                  "number)");
    }
    return not_a_number();
  }
  const bool all = params_.top_k <= 0 || static_cast<size_t>(params_.top_k) >= logits.size();
  if (params_.temperature == 0) {
    collect_best(logits, 1);
    out.chosen.id = candidates_.front().id;
  } else if (all && params_.typical_p >= 1 && params_.top_p >= 1 && params_.min_p <= 0) {
    out.chosen.id = draw_from_all(logits);
  } else if (all && params_.typical_p >= 1) {
    keep_nucleus(logits);
    out.chosen.id = draw();
  } else {
    collect_best(logits, all ? logits.size() : static_cast<size_t>(params_.top_k));
    weigh();
    keep_typical();
    keep_top_p();
    keep_min_p();
    std::sort(candidates_.begin(), candidates_.end(),
              [](const Candidate& a, const Candidate& b) { return a.id < b.id; });
    out.chosen.id = draw();
  }
  if (options_.logprobs) {
    const auto change = std::find_if(changes_.begin(), changes_.end(),
                                     [&](const Change& c) { return c.id == out.chosen.id; });
    const float logit = change == changes_.end() ? logits[static_cast<size_t>(out.chosen.id)] : change->logit;
    out.chosen.logprob = static_cast<float>(static_cast<double>(logit) - log_sum);
  }
  if (penalise_) remember(out.chosen.id);
  if (options_.constraint) HEARTH_CHECK_OK(options_.constraint->accept(out.chosen.id));
  return out;
}

void Sampler::look_back_at(std::span<const int32_t> prompt) {
  history_.assign(prompt.begin(), prompt.end());
  const size_t window = params_.penalty_window < 0
                            ? history_.size()
                            : std::min(history_.size(), static_cast<size_t>(params_.penalty_window));
  std::vector<int32_t> ids(history_.end() - static_cast<ptrdiff_t>(window), history_.end());
  std::sort(ids.begin(), ids.end());
  for (const int32_t id : ids) {
    if (counts_.empty() || counts_.back().id != id) counts_.push_back({id, 0});
    ++counts_.back().count;
  }
}

// Moves the window on by one token.
void Sampler::remember(int32_t id) {
  const auto place = [&](int32_t token) {
    return std::lower_bound(counts_.begin(), counts_.end(), token,
                            [](const TokenCount& c, int32_t t) { return c.id < t; });
  };
  history_.push_back(id);
  auto it = place(id);
  if (it == counts_.end() || it->id != id) it = counts_.insert(it, {id, 0});
  ++it->count;
  const auto window = static_cast<size_t>(params_.penalty_window);
  if (params_.penalty_window < 0 || history_.size() <= window) return;
  it = place(history_[history_.size() - 1 - window]);
  if (--it->count == 0) counts_.erase(it);
}

// Bias, suppressed ids and penalties, in place.
void Sampler::adjust(std::span<float> logits) {
  changes_.clear();
  const auto change = [&](int32_t id) -> float& {
    float& logit = logits[static_cast<size_t>(id)];
    changes_.push_back({id, logit});
    return logit;
  };
  for (const auto& [token, bias] : params_.logit_bias) {
    // -100 and 100 mean "never" and "always" to clients; a bias of that size does it on any model.
    change(token) += bias;
  }
  for (const int32_t id : options_.suppressed) {
    if (id >= 0 && static_cast<size_t>(id) < logits.size()) change(id) = kNever;
  }
  for (const auto& [id, count] : counts_) {
    float& logit = change(id);
    logit = logit > 0 ? logit / params_.repetition_penalty : logit * params_.repetition_penalty;
    logit -= static_cast<float>(count) * params_.frequency_penalty + params_.presence_penalty;
  }
}

// Fills block_max_ and max_; -infinity where there is no number.
void Sampler::scan(std::span<const float> logits) {
  block_max_.resize((logits.size() + kBlock - 1) / kBlock);
  max_ = kNever;
  for (size_t block = 0; block < block_max_.size(); ++block) scan_block(logits, block);
}

void Sampler::scan_block(std::span<const float> logits, size_t block) {
  const std::span<const float> x = block_of(logits, block);
  const auto larger = [](float a, float b) { return a > b ? a : b; };  // b where a is NaN
  float lanes[kLanes];
  std::fill_n(lanes, kLanes, kNever);
  size_t i = 0;
  for (; i + kLanes <= x.size(); i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) lanes[lane] = larger(x[i + lane], lanes[lane]);
  }
  float max = kNever;
  for (; i < x.size(); ++i) max = larger(x[i], max);
  for (const float lane : lanes) max = larger(lane, max);
  block_max_[block] = max;
  max_ = larger(max, max_);
}

// scan() of the tokens in the mask. Blocks without any are not looked at, here or later; in mixed ones the
// other tokens lose their logits.
void Sampler::scan_allowed(std::span<float> logits, std::span<const uint64_t> mask) {
  static_assert(kBlock == 2 * 64);
  block_max_.resize((logits.size() + kBlock - 1) / kBlock);
  max_ = kNever;
  const auto word = [&](size_t i) { return i < mask.size() ? mask[i] : 0; };
  for (size_t block = 0; block < block_max_.size(); ++block) {
    const uint64_t words[] = {word(2 * block), word(2 * block + 1)};
    if ((words[0] | words[1]) == 0) {
      block_max_[block] = kNever;
      continue;
    }
    const size_t begin = block * kBlock, end = std::min(begin + kBlock, logits.size());
    for (size_t half = 0; half < 2; ++half) {
      if (words[half] == ~uint64_t{0}) continue;
      for (size_t i = begin + 64 * half; i < std::min(begin + 64 * (half + 1), end); ++i) {
        if ((words[half] >> (i % 64) & 1) == 0) logits[i] = kNever;
      }
    }
    scan_block(logits, block);
  }
}

// A logit's weight is e^((logit - max) / temperature): fills block_sum_ and returns the sum of all.
double Sampler::sum_weights(std::span<const float> logits, float inverse_temperature) {
  block_sum_.resize(block_max_.size());
  double total = 0;
  for (size_t block = 0; block < block_sum_.size(); ++block) {
    block_sum_[block] = 0;
    if (block_max_[block] == kNever) continue;
    float weights[kBlock] = {};
    const std::span<const float> x = block_of(logits, block);
    options_.kernels->exp_below(x.data(), x.size(), max_, inverse_temperature, weights);
    float lanes[kLanes] = {};
    for (size_t i = 0; i < kBlock; i += kLanes) {
      for (size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += weights[i + lane];
    }
    double sum = 0;
    for (const float lane : lanes) sum += static_cast<double>(lane);
    block_sum_[block] = sum;
    total += sum;
  }
  return total;
}

// candidates_ = the logits of at least `threshold`, in the order of ids.
void Sampler::collect(std::span<const float> logits, float threshold) {
  threshold = std::max(threshold, -kLargest);  // what is never chosen is no candidate
  size_t n = 0;
  for (size_t block = 0; block < block_max_.size(); ++block) {
    if (!(block_max_[block] >= threshold)) continue;
    if (candidates_.size() < n + kBlock) candidates_.resize(2 * n + kBlock);
    const size_t end = std::min((block + 1) * kBlock, logits.size());
    for (size_t i = block * kBlock; i < end; ++i) {
      candidates_[n] = {logits[i], static_cast<int32_t>(i)};
      n += logits[i] >= threshold ? 1 : 0;
    }
  }
  candidates_.resize(n);
}

// candidates_ = the k best, best first; fewer where there are no more.
void Sampler::collect_best(std::span<const float> logits, size_t k) {
  float threshold = kNever;
  if (k == 0) {
    candidates_.clear();
    return;
  }
  if (k <= block_max_.size()) {
    // The k-th best block has one such logit, as have the k - 1 before it.
    best_blocks_ = block_max_;
    const auto kth = best_blocks_.begin() + static_cast<ptrdiff_t>(k - 1);
    std::nth_element(best_blocks_.begin(), kth, best_blocks_.end(), std::greater<>());
    threshold = *kth;
  }
  collect(logits, threshold);
  const auto better = [](const Candidate& a, const Candidate& b) { return a.better_than(b); };
  if (candidates_.size() > k) {
    std::nth_element(candidates_.begin(), candidates_.begin() + static_cast<ptrdiff_t>(k), candidates_.end(),
                     better);
    candidates_.resize(k);
  }
  std::sort(candidates_.begin(), candidates_.end(), better);
}

int32_t Sampler::draw_from_all(std::span<const float> logits) {
  double left = random_.uniform() * sum_weights(logits, inverse_temperature_);
  size_t block = 0;
  while (block + 1 < block_sum_.size() && left >= block_sum_[block]) left -= block_sum_[block++];
  // Rounding may leave a little more than the last blocks hold: back to one that holds something.
  while (block_sum_[block] == 0) --block;
  float weights[kBlock];
  const std::span<const float> x = block_of(logits, block);
  options_.kernels->exp_below(x.data(), x.size(), max_, inverse_temperature_, weights);
  size_t chosen = 0;
  for (size_t i = 0; i < x.size() && left >= 0; ++i) {
    if (weights[i] == 0) continue;
    chosen = i;
    left -= static_cast<double>(weights[i]);
  }
  return static_cast<int32_t>(block * kBlock + chosen);
}

// Top-p and min-p of the whole vocabulary: the candidates they keep, in the order of ids.
void Sampler::keep_nucleus(std::span<const float> logits) {
  const double wanted = params_.top_p < 1
                            ? static_cast<double>(params_.top_p) * sum_weights(logits, inverse_temperature_)
                            : std::numeric_limits<double>::infinity();
  // How far below the best a candidate may be, as a logarithm. min-p says so; without it, far enough for the
  // mass that is wanted. e^-88 is no weight any more.
  constexpr float kNoWeight = 88;
  const float end = params_.min_p > 0 ? -std::log(params_.min_p) + 0.01f : kNoWeight;
  double mass = 0;
  for (float reach = params_.min_p > 0 ? end : 4;; reach = std::min(2 * reach, end)) {
    collect(logits, max_ - reach * params_.temperature);
    weigh();
    std::erase_if(candidates_, [&](const Candidate& c) { return c.p < params_.min_p; });
    mass = 0;
    for (const Candidate& c : candidates_) mass += static_cast<double>(c.p);
    if (mass >= wanted || reach >= end) break;
  }
  if (mass < wanted) return;

  // The candidate with which the best ones reach the mass: halves the range it is in, without sorting the
  // rest.
  const auto better = [](const Candidate& a, const Candidate& b) { return a.better_than(b); };
  auto first = candidates_.begin(), last = candidates_.end();
  double before = 0;
  while (last - first > 1) {
    const auto middle = first + (last - first) / 2;
    std::nth_element(first, middle, last, better);
    double half = 0;
    for (auto it = first; it != middle; ++it) half += static_cast<double>(it->p);
    if (before + half >= wanted) {
      last = middle;
    } else {
      before += half;
      first = middle;
    }
  }
  const Candidate worst = *first;
  collect(logits, worst.logit);
  std::erase_if(candidates_, [&](const Candidate& c) { return worst.better_than(c); });
  weigh();
}

void Sampler::weigh() {
  for (Candidate& c : candidates_) c.p = std::exp((c.logit - max_) * inverse_temperature_);
}

// Keeps the tokens whose surprise is nearest to the expected one, until typical_p of the mass
// (arXiv:2202.00666).
void Sampler::keep_typical() {
  if (params_.typical_p >= 1) return;
  double total = 0;
  for (const Candidate& c : candidates_) total += static_cast<double>(c.p);
  const auto surprise = [&](const Candidate& c) { return -std::log(static_cast<double>(c.p) / total); };
  double entropy = 0;
  for (const Candidate& c : candidates_) {
    if (c.p > 0) entropy += static_cast<double>(c.p) / total * surprise(c);
  }
  const auto distance = [&](const Candidate& c) {
    return c.p > 0 ? std::abs(surprise(c) - entropy) : std::numeric_limits<double>::infinity();
  };
  std::stable_sort(candidates_.begin(), candidates_.end(),
                   [&](const Candidate& a, const Candidate& b) { return distance(a) < distance(b); });
  keep_mass(static_cast<double>(params_.typical_p) * total);
  std::sort(candidates_.begin(), candidates_.end(),
            [](const Candidate& a, const Candidate& b) { return a.better_than(b); });
}

// Nucleus sampling (arXiv:1904.09751).
void Sampler::keep_top_p() {
  if (params_.top_p >= 1) return;
  double total = 0;
  for (const Candidate& c : candidates_) total += static_cast<double>(c.p);
  keep_mass(static_cast<double>(params_.top_p) * total);
}

// Keeps the first candidates, as many as it takes to reach the mass.
void Sampler::keep_mass(double wanted) {
  double mass = 0;
  size_t keep = 0;
  while (keep < candidates_.size() && mass < wanted) mass += static_cast<double>(candidates_[keep++].p);
  candidates_.resize(std::max<size_t>(keep, 1));
}

// arXiv:2407.01082.
void Sampler::keep_min_p() {
  if (params_.min_p <= 0) return;
  const float threshold = candidates_.front().p * params_.min_p;
  while (candidates_.size() > 1 && candidates_.back().p < threshold) candidates_.pop_back();
}

// Draws one of the candidates by its share.
int32_t Sampler::draw() {
  double total = 0;
  for (const Candidate& c : candidates_) total += static_cast<double>(c.p);
  double left = random_.uniform() * total;
  size_t chosen = 0;
  while (chosen + 1 < candidates_.size() && (left -= static_cast<double>(candidates_[chosen].p)) >= 0)
    ++chosen;
  return candidates_[chosen].id;
}

}  // namespace hearth::engine
