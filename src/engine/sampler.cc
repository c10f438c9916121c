#include "engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <unordered_map>

namespace hearth::engine {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

uint64_t random_seed() {
  std::random_device device;
  return (static_cast<uint64_t>(device()) << 32) | device();
}

// log Σ exp(logits), and the largest logit. The sum is NaN when a logit is.
struct LogSum {
  float max;
  double log_sum;
};

LogSum log_sum_exp(std::span<const float> logits) {
  float max = kNever;
  for (const float logit : logits) max = std::max(max, logit);
  double sum = 0;
  for (const float logit : logits) sum += static_cast<double>(std::exp(logit - max));
  return {max, static_cast<double>(max) + std::log(sum)};
}

}  // namespace

Sampler::Sampler(SamplingParams params, SamplerOptions options, std::span<const int32_t> prompt)
    : params_(std::move(params)),
      options_(std::move(options)),
      random_(params_.seed.value_or(random_seed())),
      history_(prompt.begin(), prompt.end()) {}

Result<SampledToken> Sampler::sample(std::span<float> logits) {
  SampledToken out;
  // The distribution as the model gave it, for log-probabilities, before the chain works on it in place.
  LogSum model{};
  std::vector<float> model_logits;
  if (options_.logprobs) {
    model = log_sum_exp(logits);
    const auto n = std::min(static_cast<size_t>(options_.top_logprobs), logits.size());
    std::vector<int32_t> order(logits.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int32_t>(i);
    std::partial_sort(order.begin(), order.begin() + static_cast<ptrdiff_t>(n), order.end(),
                      [&](int32_t a, int32_t b) {
                        const float x = logits[static_cast<size_t>(a)], y = logits[static_cast<size_t>(b)];
                        return x > y || (x == y && a < b);
                      });
    for (size_t i = 0; i < n; ++i) {
      const double logit = logits[static_cast<size_t>(order[i])];
      out.top.push_back({order[i], static_cast<float>(logit - model.log_sum)});
    }
    model_logits.assign(logits.begin(), logits.end());
  }

  adjust(logits);
  select_candidates(logits);
  if (candidates_.empty()) {
    return fail(ErrorCategory::kCorrupt,
                "the model's output is not a number; its file is damaged or was made with broken weights");
  }
  size_t chosen = 0;
  if (params_.temperature > 0 && candidates_.size() > 1) {
    normalise();
    keep_typical();
    keep_top_p();
    keep_min_p();
    double total = 0;
    for (const Candidate& candidate : candidates_) total += static_cast<double>(candidate.p);
    double left = random_.uniform() * total;
    while (chosen + 1 < candidates_.size() && (left -= static_cast<double>(candidates_[chosen].p)) >= 0)
      ++chosen;
  }
  out.chosen.id = candidates_[chosen].id;
  if (options_.logprobs) {
    out.chosen.logprob = static_cast<float>(
        static_cast<double>(model_logits[static_cast<size_t>(out.chosen.id)]) - model.log_sum);
  }
  history_.push_back(out.chosen.id);
  return out;
}

// Bias, suppressed ids and penalties, in place.
void Sampler::adjust(std::span<float> logits) {
  for (const auto& [token, bias] : params_.logit_bias) {
    // -100 and 100 mean "never" and "always" to clients; a bias of that size does it on any model.
    logits[static_cast<size_t>(token)] += bias;
  }
  for (const int32_t id : options_.suppressed) {
    if (id >= 0 && static_cast<size_t>(id) < logits.size()) logits[static_cast<size_t>(id)] = kNever;
  }
  const bool penalise =
      params_.repetition_penalty != 1 || params_.frequency_penalty != 0 || params_.presence_penalty != 0;
  if (!penalise || params_.penalty_window == 0) return;
  const size_t window = params_.penalty_window < 0
                            ? history_.size()
                            : std::min(history_.size(), static_cast<size_t>(params_.penalty_window));
  std::unordered_map<int32_t, int> counts;
  for (size_t i = history_.size() - window; i < history_.size(); ++i) ++counts[history_[i]];
  for (const auto& [id, count] : counts) {
    float& logit = logits[static_cast<size_t>(id)];
    logit = logit > 0 ? logit / params_.repetition_penalty : logit * params_.repetition_penalty;
    logit -= static_cast<float>(count) * params_.frequency_penalty + params_.presence_penalty;
  }
}

// The candidates the rest of the chain works on, best first: top-k of them, or all that can matter.
void Sampler::select_candidates(std::span<const float> logits) {
  candidates_.clear();
  const auto better = [](const Candidate& a, const Candidate& b) {
    return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
  };
  if (params_.temperature == 0) {
    Candidate best{kNever, -1};
    for (size_t i = 0; i < logits.size(); ++i) {
      if (logits[i] > best.logit) best = {logits[i], static_cast<int32_t>(i)};
    }
    if (best.id >= 0 && std::isfinite(best.logit)) candidates_.push_back(best);
    return;
  }
  const size_t k = params_.top_k > 0 ? static_cast<size_t>(params_.top_k) : logits.size();
  if (k < logits.size()) {
    // A heap of the k best, its worst on top; most logits fail one comparison.
    for (size_t i = 0; i < logits.size(); ++i) {
      const Candidate candidate{logits[i], static_cast<int32_t>(i)};
      if (!(candidate.logit > kNever)) continue;  // NaN too
      if (candidates_.size() < k) {
        candidates_.push_back(candidate);
        std::push_heap(candidates_.begin(), candidates_.end(), better);
      } else if (better(candidate, candidates_.front())) {
        std::pop_heap(candidates_.begin(), candidates_.end(), better);
        candidates_.back() = candidate;
        std::push_heap(candidates_.begin(), candidates_.end(), better);
      }
    }
  } else {
    for (size_t i = 0; i < logits.size(); ++i) {
      if (logits[i] > kNever) candidates_.push_back({logits[i], static_cast<int32_t>(i)});
    }
  }
  std::sort(candidates_.begin(), candidates_.end(), better);
  if (!candidates_.empty() && !std::isfinite(candidates_.front().logit)) candidates_.clear();
}

void Sampler::normalise() {
  const float max = candidates_.front().logit;
  double sum = 0;
  for (Candidate& candidate : candidates_) {
    candidate.p = std::exp((candidate.logit - max) / params_.temperature);
    sum += static_cast<double>(candidate.p);
  }
  for (Candidate& candidate : candidates_)
    candidate.p = static_cast<float>(static_cast<double>(candidate.p) / sum);
}

// Keeps the tokens whose surprise is nearest to the expected one, until typical_p of the mass
// (arXiv:2202.00666).
void Sampler::keep_typical() {
  if (params_.typical_p >= 1) return;
  double entropy = 0;
  for (const Candidate& c : candidates_) {
    if (c.p > 0) entropy -= static_cast<double>(c.p) * std::log(static_cast<double>(c.p));
  }
  const auto distance = [&](const Candidate& c) {
    return c.p > 0 ? std::abs(-std::log(static_cast<double>(c.p)) - entropy)
                   : std::numeric_limits<double>::infinity();
  };
  std::stable_sort(candidates_.begin(), candidates_.end(),
                   [&](const Candidate& a, const Candidate& b) { return distance(a) < distance(b); });
  double mass = 0;
  size_t keep = 0;
  while (keep < candidates_.size() && mass < static_cast<double>(params_.typical_p)) {
    mass += static_cast<double>(candidates_[keep++].p);
  }
  candidates_.resize(std::max<size_t>(keep, 1));
  std::stable_sort(candidates_.begin(), candidates_.end(),
                   [](const Candidate& a, const Candidate& b) { return a.p > b.p; });
  normalise();
}

// Nucleus sampling (arXiv:1904.09751).
void Sampler::keep_top_p() {
  if (params_.top_p >= 1) return;
  double mass = 0;
  size_t keep = 0;
  while (keep < candidates_.size() && mass < static_cast<double>(params_.top_p)) {
    mass += static_cast<double>(candidates_[keep++].p);
  }
  candidates_.resize(std::max<size_t>(keep, 1));
}

// arXiv:2407.01082.
void Sampler::keep_min_p() {
  if (params_.min_p <= 0) return;
  const float threshold = candidates_.front().p * params_.min_p;
  while (candidates_.size() > 1 && candidates_.back().p < threshold) candidates_.pop_back();
}

}  // namespace hearth::engine
