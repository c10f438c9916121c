#include "api/ollama/reply_format.h"

#include "api/ollama/wire.h"

namespace hearth::api::ollama {
namespace {

using serving::GenerationEnd;
using serving::TextDelta;
using serving::TokenLogprob;

Json logprob_json(const TokenLogprob& token) {
  Json bytes = Json::array();
  for (const char c : token.bytes) bytes.push_back(static_cast<unsigned char>(c));
  Json json = Json::object();
  json["token"] = token.bytes;
  json["logprob"] = token.logprob;
  json["bytes"] = std::move(bytes);
  return json;
}

// A call whose arguments are a JSON object. Anything else was cut off on its way.
Json call_json(const Answer::Call& call, size_t index) {
  const auto arguments = parse_json(call.arguments.empty() ? "{}" : call.arguments);
  if (!arguments || !arguments->is_object()) return nullptr;
  Json function = Json::object();
  function["index"] = index;
  function["name"] = call.name;
  function["arguments"] = *arguments;
  Json json = Json::object();
  json["id"] = call.id;
  json["function"] = std::move(function);
  return json;
}

void put(Json& json, const char* name, int64_t value) {
  if (value != 0) json[name] = value;
}

std::string ndjson(const Json& json) {
  return dump(json) + "\n";
}

}  // namespace

Json ReplyFormat::line(std::string_view content, std::string_view thinking, Json calls) const {
  Json json = Json::object();
  json["model"] = head_.model;
  json["created_at"] = rfc3339_now();
  Json message = Json::object();
  Json& parts = head_.chat ? message : json;
  if (head_.chat) parts["role"] = "assistant";
  parts[head_.chat ? "content" : "response"] = content;
  if (!thinking.empty()) parts["thinking"] = thinking;
  if (!calls.empty()) parts["tool_calls"] = std::move(calls);
  if (head_.chat) json["message"] = std::move(message);
  json["done"] = false;
  return json;
}

Json ReplyFormat::logprobs(Json line, const std::vector<TextDelta::Token>& tokens) const {
  if (!head_.logprobs || tokens.empty()) return line;
  Json list = Json::array();
  for (const TextDelta::Token& token : tokens) {
    Json& one = list.emplace_back(logprob_json(token.chosen));
    if (token.top.empty()) continue;
    Json top = Json::array();
    for (const TokenLogprob& alternative : token.top) top.push_back(logprob_json(alternative));
    one["top_logprobs"] = std::move(top);
  }
  line["logprobs"] = std::move(list);
  return line;
}

Json ReplyFormat::text(const TextDelta& delta) const {
  return logprobs(line(delta.text, {}, Json()), delta.tokens);
}

Json ReplyFormat::reasoning(const serving::ReasoningDelta& delta) const {
  return logprobs(line({}, delta.text, Json()), delta.tokens);
}

Json ReplyFormat::call(const Answer::Call& call, size_t index) const {
  Json json = call_json(call, index);
  // What is not a whole call is shown as it came.
  if (json.is_null()) return line(call.name + " " + call.arguments, {}, Json());
  return line({}, {}, Json::array({std::move(json)}));
}

void ReplyFormat::finish(Json& json, const Answer& answer) const {
  const GenerationEnd& end = answer.end;
  json["done"] = true;
  json["done_reason"] = end.reason == serving::FinishReason::kLength ? "length" : "stop";
  if (head_.context) json["context"] = head_.context(answer.text);
  const auto total = std::chrono::steady_clock::now() - head_.started;
  json["total_duration"] = std::chrono::duration_cast<std::chrono::nanoseconds>(total).count();
  put(json, "load_duration", nanoseconds(end.timings.load_ms));
  put(json, "prompt_eval_count", end.usage.prompt_tokens);
  put(json, "prompt_cached_count", end.usage.cached_tokens);
  put(json, "prompt_eval_duration", nanoseconds(end.timings.prefill_ms));
  put(json, "eval_count", end.usage.completion_tokens);
  put(json, "eval_duration", nanoseconds(end.timings.decode_ms));
  put(json, "dropped_messages", end.n_dropped_messages);
}

Json ReplyFormat::end(const Answer& answer) const {
  Json json = line({}, {}, Json());
  finish(json, answer);
  return json;
}

Json ReplyFormat::whole(const Answer& answer) const {
  std::string content = answer.text;
  Json calls = Json::array();
  for (size_t i = 0; i < answer.calls.size(); ++i) {
    Json call = call_json(answer.calls[i], i);
    if (call.is_null()) {
      content += answer.calls[i].name + " " + answer.calls[i].arguments;
    } else {
      calls.push_back(std::move(call));
    }
  }
  Json json = logprobs(line(content, answer.reasoning, std::move(calls)), answer.tokens);
  finish(json, answer);
  return json;
}

Json ReplyFormat::nothing(std::string_view reason, double load_ms) const {
  Json json = line({}, {}, Json());
  json["done"] = true;
  json["done_reason"] = reason;
  put(json, "load_duration", nanoseconds(load_ms));
  return json;
}

std::string StreamEncoder::finished_call() {
  if (n_calls_written_ == answer_.calls.size()) return {};
  const size_t index = n_calls_written_++;
  return ndjson(format_.call(answer_.calls[index], index));
}

std::string StreamEncoder::encode(const StreamEvent& event) {
  const auto* call = std::get_if<serving::ToolCallDelta>(&event.event);
  // The call that is under way is whole when anything but its own next piece comes.
  std::string lines;
  if (call == nullptr || call->index >= answer_.calls.size()) lines = finished_call();
  answer_.add(event.event);
  if (const auto* delta = std::get_if<TextDelta>(&event.event)) {
    if (!delta->text.empty() || !delta->tokens.empty()) lines += ndjson(format_.text(*delta));
  } else if (const auto* thought = std::get_if<serving::ReasoningDelta>(&event.event)) {
    if (!thought->text.empty() || !thought->tokens.empty()) lines += ndjson(format_.reasoning(*thought));
  } else if (std::holds_alternative<GenerationEnd>(event.event)) {
    lines += ndjson(format_.end(answer_));
  }
  return lines;
}

std::string StreamEncoder::keep_alive() {
  return ndjson(format_.text({}));
}

std::string StreamEncoder::failure(const ApiError& error) {
  return error_text(error) + "\n";
}

}  // namespace hearth::api::ollama
