#include "api/openai/thinking.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "api/chat_fields.h"

namespace hearth::api::openai {
namespace {

constexpr size_t kMaxTemplateArguments = 64;

// Variables that belong to the prompt itself; a request must not replace them through chat_template_kwargs.
constexpr std::array<std::string_view, 8> kReservedVariables = {
    "messages",  "tools",     "documents", "add_generation_prompt",
    "bos_token", "eos_token", "unk_token", "pad_token"};

}  // namespace

Parsed<void> read_thinking(const Json& body, serving::ChatPrompt& prompt) {
  std::string effort;
  if (const Json* think = find(body, "think")) {
    if (think->is_boolean()) {
      prompt.thinking = think->get<bool>();
    } else if (think->is_string()) {
      effort = think->get<std::string>();
    } else {
      return refuse("think", "must be true, false or a level");
    }
  }
  HEARTH_API_TRY(auto top_level, read_string(body, "reasoning_effort", "reasoning_effort", 64));
  if (!top_level.empty()) effort = top_level;
  if (const Json* reasoning = find(body, "reasoning")) {
    if (!reasoning->is_object()) return refuse("reasoning", "must be an object");
    HEARTH_API_TRY(auto nested, read_string(*reasoning, "effort", "reasoning.effort", 64));
    if (!nested.empty()) effort = nested;
    if (find(*reasoning, "enabled") != nullptr) {
      HEARTH_API_TRY(prompt.thinking, read_bool(*reasoning, "enabled", true));
    }
  }
  if (effort == "none") {
    prompt.thinking = false;
  } else if (!effort.empty()) {
    prompt.thinking = prompt.thinking.value_or(true);
    prompt.template_arguments.set("reasoning_effort", text::Value(template_effort(effort)));
  }

  const Json* arguments = find(body, "chat_template_kwargs");
  if (arguments == nullptr) return {};
  if (!arguments->is_object()) return refuse("chat_template_kwargs", "must be an object");
  if (arguments->size() > kMaxTemplateArguments) {
    return refuse("chat_template_kwargs", fmt::format("has {} entries, at most {} are allowed",
                                                      arguments->size(), kMaxTemplateArguments));
  }
  for (const auto& [name, value] : arguments->items()) {
    if (std::find(kReservedVariables.begin(), kReservedVariables.end(), name) != kReservedVariables.end()) {
      return refuse("chat_template_kwargs." + name, "belongs to the prompt and cannot be set");
    }
    if (name == "enable_thinking" && value.is_boolean()) prompt.thinking = value.get<bool>();
    prompt.template_arguments.set(name, to_untrusted_value(value));
  }
  return {};
}

}  // namespace hearth::api::openai
