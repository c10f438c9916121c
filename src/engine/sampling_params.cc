#include "engine/sampling_params.h"

#include <cmath>

namespace hearth::engine {
namespace {

Status check(std::string_view field, double value, double low, double high) {
  if (std::isfinite(value) && value >= low && value <= high) return {};
  return fail(ErrorCategory::kInvalidArgument, "{} is {}, must be between {} and {}", field, value, low,
              high);
}

}  // namespace

Status SamplingParams::validate(size_t vocab_size) const {
  constexpr double kTiny = 1e-6f;  // as callers write the least they mean
  HEARTH_CHECK_OK(check("temperature", temperature, 0, 100));
  HEARTH_CHECK_OK(check("top_k", top_k, 0, 1e9));
  HEARTH_CHECK_OK(check("top_p", top_p, kTiny, 1));
  HEARTH_CHECK_OK(check("min_p", min_p, 0, 1));
  HEARTH_CHECK_OK(check("typical_p", typical_p, kTiny, 1));
  HEARTH_CHECK_OK(check("repetition_penalty", repetition_penalty, kTiny, 100));
  HEARTH_CHECK_OK(check("frequency_penalty", frequency_penalty, -2, 2));
  HEARTH_CHECK_OK(check("presence_penalty", presence_penalty, -2, 2));
  HEARTH_CHECK_OK(check("penalty_window", penalty_window, -1, 1e9));
  for (const auto& [token, bias] : logit_bias) {
    if (token < 0 || static_cast<size_t>(token) >= vocab_size) {
      return fail(ErrorCategory::kInvalidArgument,
                  "logit_bias: token {} is not in the vocabulary of {} tokens", token, vocab_size);
    }
    HEARTH_CHECK_OK(check("logit_bias", bias, -100, 100));
  }
  return {};
}

SamplingParams SamplingOverrides::applied_to(SamplingParams defaults) const {
  SamplingParams params = std::move(defaults);
  params.temperature = temperature.value_or(params.temperature);
  params.top_k = top_k.value_or(params.top_k);
  params.top_p = top_p.value_or(params.top_p);
  params.min_p = min_p.value_or(params.min_p);
  params.typical_p = typical_p.value_or(params.typical_p);
  params.repetition_penalty = repetition_penalty.value_or(params.repetition_penalty);
  params.frequency_penalty = frequency_penalty.value_or(params.frequency_penalty);
  params.presence_penalty = presence_penalty.value_or(params.presence_penalty);
  params.penalty_window = penalty_window.value_or(params.penalty_window);
  if (seed) params.seed = seed;
  params.logit_bias.insert(params.logit_bias.end(), logit_bias.begin(), logit_bias.end());
  return params;
}

}  // namespace hearth::engine
