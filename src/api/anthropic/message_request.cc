#include "api/anthropic/message_request.h"

#include "api/anthropic/messages.h"
#include "api/anthropic/tools.h"
#include "api/chat_fields.h"
#include "api/sampling_fields.h"

namespace hearth::api::anthropic {
namespace {

using serving::ChatPrompt;
using serving::GenerationRequest;

// {"type":"json_schema","schema":…}; `field` is its whole name.
Parsed<void> read_format(const Json& format, const std::string& field, GenerationRequest& request) {
  if (!format.is_object()) return refuse(field, "must be an object with a type");
  HEARTH_API_TRY(const auto type, read_string(format, "type", field + ".type", 64));
  if (type != "json_schema") {
    return refuse(field + ".type", fmt::format("\"{}\" is not supported, only json_schema is", type));
  }
  const Json* schema = find(format, "schema");
  if (schema == nullptr || !schema->is_object()) return refuse(field + ".schema", "must be an object");
  request.format = serving::JsonSchemaFormat{dump(*schema)};
  return {};
}

Parsed<void> read_output_config(const Json& body, GenerationRequest& request, ChatPrompt& prompt) {
  if (const Json* format = find(body, "output_format")) {  // where it was before output_config
    HEARTH_API_CHECK(read_format(*format, "output_format", request));
  }
  const Json* config = find(body, "output_config");
  if (config == nullptr) return {};
  if (!config->is_object()) return refuse("output_config", "must be an object");
  HEARTH_API_TRY(const auto effort, read_string(*config, "effort", "output_config.effort", 64));
  if (!effort.empty()) {
    prompt.template_arguments.set("reasoning_effort", text::Value(template_effort(effort)));
  }
  if (const Json* format = find(*config, "format")) {
    HEARTH_API_CHECK(read_format(*format, "output_config.format", request));
  }
  return {};
}

// As the vendor's API has it, a request that says nothing of thinking gets none.
Parsed<void> read_thinking(const Json& body, MessageRequest& request, ChatPrompt& prompt) {
  prompt.thinking = false;
  const Json* thinking = find(body, "thinking");
  if (thinking == nullptr) return {};
  if (!thinking->is_object()) return refuse("thinking", "must be an object with a type");
  HEARTH_API_TRY(const auto type, read_string(*thinking, "type", "thinking.type", 64));
  if (type == "disabled") return {};
  if (type == "enabled") {
    const Json* budget = find(*thinking, "budget_tokens");
    if (budget == nullptr) return refuse("thinking.budget_tokens", "is missing");
    HEARTH_API_TRY(const double tokens, checked_number(*budget, "thinking.budget_tokens", true, 1,
                                                       static_cast<double>(kMaxTokens)));
    request.generation.thinking_budget = static_cast<int64_t>(tokens);
  } else if (type != "adaptive" && type != "between_tools") {
    return refuse("thinking.type",
                  fmt::format("\"{}\" is none of enabled, disabled, adaptive, between_tools", type));
  }
  prompt.thinking = true;
  HEARTH_API_TRY(const auto display, read_string(*thinking, "display", "thinking.display", 64));
  request.show_thinking = display != "omitted";
  return {};
}

}  // namespace

Parsed<MessageRequest> parse_message_request(std::string_view text) {
  HEARTH_API_TRY(const Json body, read_object(text));
  MessageRequest request;
  GenerationRequest& generation = request.generation;
  ChatPrompt prompt;
  HEARTH_API_TRY(generation.model, read_string(body, "model", "model", kMaxNameBytes));
  HEARTH_API_TRY(request.stream, read_bool(body, "stream", false));
  HEARTH_API_CHECK(read_sampling_fields(body, "", generation));
  HEARTH_API_TRY(auto stops, read_stops(body, "stop_sequences", "stop_sequences"));
  std::move(stops.begin(), stops.end(), std::back_inserter(generation.stop));
  HEARTH_API_CHECK(read_thinking(body, request, prompt));
  HEARTH_API_CHECK(read_output_config(body, generation, prompt));
  HEARTH_API_TRY(prompt.messages, read_messages(body));
  HEARTH_API_CHECK(read_tools(body, generation, prompt));
  // A last message of the assistant is a beginning to continue.
  const serving::ChatMessage& last = prompt.messages.back();
  prompt.add_generation_prompt = last.role != "assistant" || !last.tool_calls.empty();
  generation.prompt = std::move(prompt);
  return request;
}

}  // namespace hearth::api::anthropic
