#include "serving/model_defaults.h"

#include <charconv>

#include "base/result.h"
#include "store/model_store.h"

namespace hearth::serving {
namespace {

// Ollama writes this where it has no template: it says nothing about chats.
constexpr std::string_view kNoTemplate = "{{ .Prompt }}";

template <typename Number>
Result<Number> number(const std::string& name, const std::string& text) {
  Number value{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size()) {
    return fail(ErrorCategory::kInvalidArgument, "{} is \"{}\", which is no {}", name, text,
                std::is_integral_v<Number> ? "whole number" : "number");
  }
  return value;
}

struct Real {
  std::string_view name;
  std::optional<float> engine::SamplingOverrides::*place;
};
constexpr Real kReals[] = {{"temperature", &engine::SamplingOverrides::temperature},
                           {"top_p", &engine::SamplingOverrides::top_p},
                           {"min_p", &engine::SamplingOverrides::min_p},
                           {"typical_p", &engine::SamplingOverrides::typical_p},
                           {"repeat_penalty", &engine::SamplingOverrides::repetition_penalty},
                           {"frequency_penalty", &engine::SamplingOverrides::frequency_penalty},
                           {"presence_penalty", &engine::SamplingOverrides::presence_penalty}};

struct Whole {
  std::string_view name;
  std::optional<int> engine::SamplingOverrides::*place;
};
constexpr Whole kWholes[] = {{"top_k", &engine::SamplingOverrides::top_k},
                             {"repeat_last_n", &engine::SamplingOverrides::penalty_window}};

Status assign(ModelDefaults& defaults, const std::string& name, const std::string& value) {
  for (const Real& real : kReals) {
    if (real.name != name) continue;
    HEARTH_TRY(defaults.sampling.*real.place, number<float>(name, value));
  }
  for (const Whole& whole : kWholes) {
    if (whole.name != name) continue;
    HEARTH_TRY(defaults.sampling.*whole.place, number<int>(name, value));
  }
  if (name == "seed") {
    HEARTH_TRY(const int64_t seed, number<int64_t>(name, value));
    defaults.sampling.seed = static_cast<uint64_t>(seed);
  } else if (name == "num_ctx") {
    HEARTH_TRY(const int64_t tokens, number<int64_t>(name, value));
    if (tokens < 1) return fail(ErrorCategory::kInvalidArgument, "num_ctx is {}, must be 1 or more", tokens);
    defaults.context_length = tokens;
  } else if (name == "num_predict") {
    HEARTH_TRY(const int64_t tokens, number<int64_t>(name, value));
    defaults.max_tokens = tokens < 0 ? -1 : tokens;  // -1: no limit, -2: until the context is full
  } else if (name == "stop") {
    if (!value.empty()) defaults.stop.push_back(value);
  } else if (!store::parameter_type(name) && !store::is_former_parameter(name)) {
    return fail(ErrorCategory::kInvalidArgument, "is not known");
  }
  return defaults.sampling.applied_to({}).validate(0);
}

}  // namespace

Status check_parameter(const store::Modelfile::Parameter& parameter) {
  ModelDefaults defaults;
  return assign(defaults, parameter.name, parameter.value);
}

ModelDefaults read_model_defaults(const store::ModelOverrides& overrides) {
  ModelDefaults defaults;
  if (overrides.template_text && *overrides.template_text != kNoTemplate) {
    defaults.chat_template = *overrides.template_text;
  }
  defaults.system = overrides.system.value_or(std::string());
  defaults.licenses = overrides.licenses;
  for (const store::Modelfile::Message& message : overrides.messages) {
    ChatMessage& added = defaults.messages.emplace_back();
    added.role = message.role;
    added.content = message.content;
  }
  for (const store::Modelfile::Parameter& parameter : overrides.parameters) {
    ModelDefaults changed = defaults;
    if (Status assigned = assign(changed, parameter.name, parameter.value); assigned) {
      defaults = std::move(changed);
    } else {
      defaults.warnings.push_back(
          fmt::format("the parameter {} is left out: {}", parameter.name, assigned.error().message));
    }
  }
  defaults.parameters = overrides.parameters;
  if (overrides.has_projector) {
    defaults.warnings.push_back("the image encoder that came with it is not used: models read text alone");
  }
  return defaults;
}

}  // namespace hearth::serving
