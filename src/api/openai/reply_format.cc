#include "api/openai/reply_format.h"

#include <cmath>

#include "api/timings_json.h"

namespace hearth::api::openai {
namespace {

using serving::GenerationEnd;
using serving::TextDelta;
using serving::TokenLogprob;
using serving::Usage;

// JSON has no infinity; this is what clients know as "practically impossible".
constexpr double kLeastLogprob = -9999.0;

double logprob_number(float logprob) {
  return std::isfinite(logprob) ? logprob : kLeastLogprob;
}

Json usage_json(const Usage& usage) {
  Json json = Json::object();
  json["prompt_tokens"] = usage.prompt_tokens;
  json["completion_tokens"] = usage.completion_tokens;
  json["total_tokens"] = usage.prompt_tokens + usage.completion_tokens;
  json["prompt_tokens_details"] = Json{{"cached_tokens", usage.cached_tokens}};
  json["completion_tokens_details"] = Json{{"reasoning_tokens", usage.reasoning_tokens}};
  return json;
}

Json chat_token(const TokenLogprob& token) {
  Json bytes = Json::array();
  for (unsigned char c : token.bytes) bytes.push_back(static_cast<int>(c));
  Json json = Json::object();
  json["token"] = token.bytes;
  json["logprob"] = logprob_number(token.logprob);
  json["bytes"] = std::move(bytes);
  return json;
}

Json chat_logprobs(const std::vector<TextDelta::Token>& tokens) {
  Json json = Json::object();
  json["content"] = logprobs_json(tokens);
  json["refusal"] = nullptr;
  return json;
}

bool is_utf8(const std::string& s) {
  try {
    static_cast<void>(Json(s).dump());
    return true;
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

// A token as a JSON key: part of a character is spelled "bytes:\xe2\x82", so that different tokens stay
// different.
std::string token_text(const std::string& bytes) {
  if (is_utf8(bytes)) return bytes;
  std::string text = "bytes:";
  for (unsigned char c : bytes) text += fmt::format("\\x{:02x}", c);
  return text;
}

Json completion_logprobs(const std::vector<TextDelta::Token>& tokens, size_t offset) {
  Json texts = Json::array();
  Json numbers = Json::array();
  Json tops = Json::array();
  Json offsets = Json::array();
  for (const TextDelta::Token& token : tokens) {
    texts.push_back(token_text(token.chosen.bytes));
    const bool first = std::isnan(token.chosen.logprob);  // has none: nothing stands before it
    numbers.push_back(first ? Json(nullptr) : Json(logprob_number(token.chosen.logprob)));
    Json top = Json::object();
    for (const TokenLogprob& other : token.top) top[token_text(other.bytes)] = logprob_number(other.logprob);
    tops.push_back(first ? Json(nullptr) : std::move(top));
    offsets.push_back(offset);
    offset += token.chosen.bytes.size();
  }
  Json json = Json::object();
  json["tokens"] = std::move(texts);
  json["token_logprobs"] = std::move(numbers);
  json["top_logprobs"] = std::move(tops);
  json["text_offset"] = std::move(offsets);
  return json;
}

// Clients know reasoning by one of two names.
Json reasoning_json(const std::string& reasoning) {
  return Json{{"reasoning_content", reasoning}, {"reasoning", reasoning}};
}

Json function_json(const std::string& name, const std::string& arguments) {
  Json function = Json::object();
  if (!name.empty()) function["name"] = name;
  function["arguments"] = arguments;
  return function;
}

Json choice_with(size_t index, const char* field, Json value) {
  Json choice = Json::object();
  choice["index"] = index;
  choice[field] = std::move(value);
  return choice;
}

class ChatFormat : public ReplyFormat {
 public:
  explicit ChatFormat(ReplyHead head) : ReplyFormat(std::move(head)) {}

  Json opening(size_t index) const override {
    Json delta = Json::object();
    delta["role"] = "assistant";
    delta["content"] = "";
    return chunk(Json::array({finished(choice_with(index, "delta", std::move(delta)), nullptr, nullptr)}));
  }

  Json delta(size_t index, const TextDelta& delta, size_t) const override {
    Json choice = choice_with(index, "delta", Json{{"content", delta.text}});
    Json logprobs = head_.logprobs ? chat_logprobs(delta.tokens) : Json(nullptr);
    return chunk(Json::array({finished(std::move(choice), std::move(logprobs), nullptr)}));
  }

  Json reasoning(size_t index, const serving::ReasoningDelta& delta) const override {
    if (!head_.show_reasoning) return nullptr;
    return chunk(
        Json::array({finished(choice_with(index, "delta", reasoning_json(delta.text)), nullptr, nullptr)}));
  }

  Json call(size_t index, const serving::ToolCallDelta& call) const override {
    Json function = function_json(call.name, call.arguments);
    Json delta = Json::object();
    if (head_.legacy_functions) {
      delta["function_call"] = std::move(function);
    } else {
      Json entry = Json::object();
      entry["index"] = call.index;
      if (!call.id.empty()) {
        entry["id"] = call.id;
        entry["type"] = "function";
      }
      entry["function"] = std::move(function);
      delta["tool_calls"] = Json::array({std::move(entry)});
    }
    return chunk(Json::array({finished(choice_with(index, "delta", std::move(delta)), nullptr, nullptr)}));
  }

 protected:
  const char* chunk_object() const override { return "chat.completion.chunk"; }
  const char* whole_object() const override { return "chat.completion"; }

  Json empty_choice(size_t index, Json reason) const override {
    return finished(choice_with(index, "delta", Json::object()), nullptr, std::move(reason));
  }

  Json whole_choice(size_t index, const Answer& answer, const char* reason) const override {
    Json message = Json::object();
    message["role"] = "assistant";
    message["content"] = answer.text.empty() && !answer.calls.empty() ? Json(nullptr) : Json(answer.text);
    message["refusal"] = nullptr;
    if (head_.show_reasoning && !answer.reasoning.empty()) message.update(reasoning_json(answer.reasoning));
    if (!answer.calls.empty()) add_calls(answer.calls, message);
    Json logprobs = head_.logprobs ? chat_logprobs(answer.tokens) : Json(nullptr);
    return finished(choice_with(index, "message", std::move(message)), std::move(logprobs), reason);
  }

 private:
  void add_calls(const std::vector<Answer::Call>& calls, Json& message) const {
    if (head_.legacy_functions) {
      message["function_call"] = function_json(calls.front().name, calls.front().arguments);
      return;
    }
    Json list = Json::array();
    for (const Answer::Call& call : calls) {
      Json entry = Json::object();
      entry["id"] = call.id;
      entry["type"] = "function";
      entry["function"] = function_json(call.name, call.arguments);
      list.push_back(std::move(entry));
    }
    message["tool_calls"] = std::move(list);
  }

  static Json finished(Json choice, Json logprobs, Json reason) {
    choice["logprobs"] = std::move(logprobs);
    choice["finish_reason"] = std::move(reason);
    return choice;
  }
};

class CompletionFormat : public ReplyFormat {
 public:
  explicit CompletionFormat(ReplyHead head) : ReplyFormat(std::move(head)) {}

  Json opening(size_t) const override { return nullptr; }

  Json delta(size_t index, const TextDelta& delta, size_t n_bytes_before) const override {
    return chunk(Json::array({one(index, delta.text, delta.tokens, n_bytes_before, nullptr)}));
  }

 protected:
  const char* chunk_object() const override { return "text_completion"; }
  const char* whole_object() const override { return "text_completion"; }

  Json empty_choice(size_t index, Json reason) const override {
    return one(index, "", {}, 0, std::move(reason));
  }

  Json whole_choice(size_t index, const Answer& answer, const char* reason) const override {
    return one(index, answer.text, answer.tokens, 0, reason);
  }

 private:
  Json one(size_t index, const std::string& text, const std::vector<TextDelta::Token>& tokens, size_t offset,
           Json reason) const {
    Json choice = choice_with(index, "text", text);
    const bool shown = head_.logprobs && (!tokens.empty() || !text.empty());
    choice["logprobs"] = shown ? completion_logprobs(tokens, offset) : Json(nullptr);
    choice["finish_reason"] = std::move(reason);
    return choice;
  }
};

}  // namespace

std::unique_ptr<ReplyFormat> ReplyFormat::chat(ReplyHead head) {
  return std::make_unique<ChatFormat>(std::move(head));
}

std::unique_ptr<ReplyFormat> ReplyFormat::completion(ReplyHead head) {
  return std::make_unique<CompletionFormat>(std::move(head));
}

Json ReplyFormat::reasoning(size_t, const serving::ReasoningDelta&) const {
  return nullptr;
}

Json ReplyFormat::call(size_t, const serving::ToolCallDelta&) const {
  return nullptr;
}

const char* ReplyFormat::reason_name(serving::FinishReason reason) const {
  switch (reason) {
    case serving::FinishReason::kLength:
      return "length";
    case serving::FinishReason::kToolCalls:
      return head_.legacy_functions ? "function_call" : "tool_calls";
    case serving::FinishReason::kStop:
    case serving::FinishReason::kCancelled:
      break;
  }
  return "stop";
}

Json ReplyFormat::start(const char* object) const {
  Json json = Json::object();
  json["id"] = head_.id;
  json["object"] = object;
  json["created"] = head_.created;
  json["model"] = head_.model;
  json["system_fingerprint"] = head_.system_fingerprint;
  return json;
}

Json ReplyFormat::chunk(Json choices) const {
  Json json = start(chunk_object());
  json["choices"] = std::move(choices);
  if (head_.usage_in_chunks) json["usage"] = nullptr;
  return json;
}

Json ReplyFormat::progress(size_t index, const serving::PromptProgress& progress) const {
  Json json = chunk(Json::array({empty_choice(index, nullptr)}));
  json["prompt_progress"] = progress_json(progress);
  return json;
}

Json ReplyFormat::finish(size_t index, const GenerationEnd& end, bool with_timings) const {
  Json json = chunk(Json::array({empty_choice(index, reason_name(end.reason))}));
  if (with_timings) json["timings"] = timings_json(end);
  return json;
}

Json ReplyFormat::usage(const Usage& usage) const {
  Json json = chunk(Json::array());
  json["usage"] = usage_json(usage);
  return json;
}

Json ReplyFormat::whole(const std::vector<Answer>& answers, const Usage& usage) const {
  Json list = Json::array();
  for (size_t i = 0; i < answers.size(); ++i) {
    list.push_back(whole_choice(i, answers[i], reason_name(answers[i].end.reason)));
  }
  Json json = start(whole_object());
  json["choices"] = std::move(list);
  json["usage"] = usage_json(usage);
  if (answers.size() == 1) json["timings"] = timings_json(answers[0].end);
  return json;
}

Json logprobs_json(const std::vector<TextDelta::Token>& tokens) {
  Json list = Json::array();
  for (const TextDelta::Token& token : tokens) {
    Json entry = chat_token(token.chosen);
    Json top = Json::array();
    for (const TokenLogprob& other : token.top) top.push_back(chat_token(other));
    entry["top_logprobs"] = std::move(top);
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace hearth::api::openai
