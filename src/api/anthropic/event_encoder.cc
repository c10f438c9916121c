#include "api/anthropic/event_encoder.h"

#include "api/anthropic/errors.h"
#include "api/timings_json.h"

namespace hearth::api::anthropic {
namespace {

std::string sse(const char* name, const std::string& data) {
  return fmt::format("event: {}\ndata: {}\n\n", name, data);
}

// An event whose data begins with its own name.
Json event(const char* name) {
  Json json = Json::object();
  json["type"] = name;
  return json;
}

std::string sse(const Json& json) {
  return sse(json["type"].get_ref<const std::string&>().c_str(), dump(json));
}

}  // namespace

std::string EventEncoder::start_message(const serving::Usage& usage) {
  if (started_) return {};
  started_ = true;
  Json json = event("message_start");
  json["message"] = empty_message(head_, usage);
  return sse(json);
}

std::string EventEncoder::open(Block block, Json start) {
  std::string text = close();
  block_ = block;
  Json json = event("content_block_start");
  json["index"] = ++index_;
  json["content_block"] = std::move(start);
  return text + sse(json);
}

std::string EventEncoder::close() {
  if (block_ == Block::kNone) return {};
  std::string text;
  if (block_ == Block::kThinking) text = delta("signature_delta", "signature", kSignature);
  block_ = Block::kNone;
  Json json = event("content_block_stop");
  json["index"] = index_;
  return text + sse(json);
}

std::string EventEncoder::delta(const char* type, const char* field, const std::string& text) const {
  Json inner = event(type);
  inner[field] = text;
  Json json = event("content_block_delta");
  json["index"] = index_;
  json["delta"] = std::move(inner);
  return sse(json);
}

std::string EventEncoder::encode(const StreamEvent& stream_event) {
  const serving::GenerationEvent& event = stream_event.event;
  if (const auto* progress = std::get_if<serving::PromptProgress>(&event)) {
    return start_message({.prompt_tokens = progress->total, .cached_tokens = progress->cached});
  }
  std::string text = start_message({});
  if (const auto* words = std::get_if<serving::TextDelta>(&event)) {
    if (words->text.empty()) return text;
    if (block_ != Block::kText) text += open(Block::kText, text_block());
    text += delta("text_delta", "text", words->text);
  } else if (const auto* thought = std::get_if<serving::ReasoningDelta>(&event)) {
    if (thought->text.empty()) return text;
    if (block_ != Block::kThinking) text += open(Block::kThinking, thinking_block());
    if (head_.show_thinking) text += delta("thinking_delta", "thinking", thought->text);
  } else if (const auto* call = std::get_if<serving::ToolCallDelta>(&event)) {
    if (block_ != Block::kToolUse || call->index != call_) {
      text += open(Block::kToolUse, tool_use_block(call->id, call->name));
      call_ = call->index;
    }
    if (!call->arguments.empty()) text += delta("input_json_delta", "partial_json", call->arguments);
  } else if (const auto* end = std::get_if<serving::GenerationEnd>(&event)) {
    text += finish(*end);
  }
  return text;
}

std::string EventEncoder::finish(const serving::GenerationEnd& end) {
  std::string text = close();
  Json json = event("message_delta");
  json["delta"] = Json::object();
  set_stop(json["delta"], end);
  json["usage"] = usage_json(end.usage);
  json["timings"] = timings_json(end);
  return text + sse(json);
}

std::string EventEncoder::closing() {
  return sse(event("message_stop"));
}

std::string EventEncoder::keep_alive() {
  // Clients expect message_start before all other events; a comment is none.
  return started_ ? sse(event("ping")) : ": still waiting\n\n";
}

std::string EventEncoder::failure(const ApiError& error) {
  return sse("error", error_json(error, request_id_));
}

}  // namespace hearth::api::anthropic
