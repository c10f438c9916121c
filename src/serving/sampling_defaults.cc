#include "serving/sampling_defaults.h"

#include <cmath>

namespace hearth::serving {
namespace {

using engine::SamplingParams;

struct Key {
  std::string_view name;  // after "general.sampling."
  void (*assign)(SamplingParams&, double);
  bool whole;  // only whole numbers mean anything
};

constexpr Key kKeys[] = {
    {"temp", [](SamplingParams& p, double v) { p.temperature = static_cast<float>(v); }, false},
    {"top_k", [](SamplingParams& p, double v) { p.top_k = static_cast<int>(v); }, true},
    {"top_p", [](SamplingParams& p, double v) { p.top_p = static_cast<float>(v); }, false},
    {"min_p", [](SamplingParams& p, double v) { p.min_p = static_cast<float>(v); }, false},
    {"penalty_repeat", [](SamplingParams& p, double v) { p.repetition_penalty = static_cast<float>(v); },
     false},
    {"penalty_last_n", [](SamplingParams& p, double v) { p.penalty_window = static_cast<int>(v); }, true},
};

Status apply(const gguf::Metadata& metadata, const Key& key, SamplingParams& params) {
  const std::string name = fmt::format("general.sampling.{}", key.name);
  HEARTH_TRY(const auto value, metadata.get_float(name));
  if (!value) return {};
  if (!std::isfinite(*value) || std::fabs(*value) > 1e9 || (key.whole && *value != std::floor(*value))) {
    return fail(ErrorCategory::kCorrupt, "{} is {}, which is not a usable number", name, *value);
  }
  SamplingParams changed = params;
  key.assign(changed, *value);
  if (auto valid = changed.validate(0); !valid) return propagate(std::move(valid).error(), name);
  params = std::move(changed);
  return {};
}

}  // namespace

engine::SamplingParams default_sampling(const gguf::Metadata& metadata, std::vector<std::string>* warnings) {
  SamplingParams params;
  for (const Key& key : kKeys) {
    if (auto applied = apply(metadata, key, params); !applied && warnings != nullptr) {
      warnings->push_back(applied.error().message);
    }
  }
  return params;
}

}  // namespace hearth::serving
