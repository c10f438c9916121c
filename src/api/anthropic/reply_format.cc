#include "api/anthropic/reply_format.h"

#include "api/timings_json.h"

namespace hearth::api::anthropic {
namespace {

using serving::FinishReason;
using serving::GenerationEnd;

const char* stop_reason(const GenerationEnd& end) {
  switch (end.reason) {
    case FinishReason::kLength:
      return "max_tokens";
    case FinishReason::kToolCalls:
      return "tool_use";
    case FinishReason::kStop:
    case FinishReason::kCancelled:
      break;
  }
  return end.stop_string.empty() ? "end_turn" : "stop_sequence";
}

Json block(const char* type) {
  Json json = Json::object();
  json["type"] = type;
  return json;
}

Json content(const ReplyHead& head, const Answer& answer) {
  Json blocks = Json::array();
  if (!answer.reasoning.empty()) {
    Json thinking = thinking_block();
    if (head.show_thinking) thinking["thinking"] = answer.reasoning;
    thinking["signature"] = kSignature;
    blocks.push_back(std::move(thinking));
  }
  if (!answer.text.empty()) {
    Json text = text_block();
    text["text"] = answer.text;
    blocks.push_back(std::move(text));
  }
  for (const Answer::Call& call : answer.calls) {
    Result<Json> input = call.arguments.empty() ? Json::object() : parse_json(call.arguments);
    if (!input || !input->is_object()) continue;
    Json use = tool_use_block(call.id, call.name);
    use["input"] = std::move(*input);
    blocks.push_back(std::move(use));
  }
  return blocks;
}

}  // namespace

Json usage_json(const serving::Usage& usage) {
  Json json = Json::object();
  json["input_tokens"] = usage.prompt_tokens - usage.cached_tokens;
  json["output_tokens"] = usage.completion_tokens;
  json["cache_creation_input_tokens"] = 0;
  json["cache_read_input_tokens"] = usage.cached_tokens;
  return json;
}

void set_stop(Json& object, const GenerationEnd& end) {
  object["stop_reason"] = stop_reason(end);
  object["stop_sequence"] = end.stop_string.empty() ? Json(nullptr) : Json(end.stop_string);
}

Json empty_message(const ReplyHead& head, const serving::Usage& usage) {
  Json json = Json::object();
  json["id"] = head.id;
  json["type"] = "message";
  json["role"] = "assistant";
  json["model"] = head.model;
  json["content"] = Json::array();
  json["stop_reason"] = nullptr;
  json["stop_sequence"] = nullptr;
  json["usage"] = usage_json(usage);
  return json;
}

Json whole_message(const ReplyHead& head, const Answer& answer) {
  Json json = empty_message(head, answer.end.usage);
  json["content"] = content(head, answer);
  set_stop(json, answer.end);
  json["timings"] = timings_json(answer.end);
  return json;
}

Json thinking_block() {
  Json json = block("thinking");
  json["thinking"] = "";
  json["signature"] = "";
  return json;
}

Json text_block() {
  Json json = block("text");
  json["text"] = "";
  return json;
}

Json tool_use_block(const std::string& id, const std::string& name) {
  Json json = block("tool_use");
  json["id"] = id;
  json["name"] = name;
  json["input"] = Json::object();
  return json;
}

}  // namespace hearth::api::anthropic
