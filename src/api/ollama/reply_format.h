// The JSON of answers: lines of a stream, and replies in one piece.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "api/generation_reply.h"
#include "api/json.h"

namespace hearth::api::ollama {

// What is the same in every line of a reply.
struct ReplyHead {
  std::string model;  // as the client wrote it
  bool chat = false;  // /api/chat: a message; else /api/generate: a response
  bool logprobs = false;
  std::chrono::steady_clock::time_point started;
  // The token ids of the conversation with this answer, where the reply has them.
  std::function<std::vector<int32_t>(const std::string& answer)> context;
};

class ReplyFormat {
 public:
  explicit ReplyFormat(ReplyHead head) : head_(std::move(head)) {}

  Json text(const serving::TextDelta& delta) const;
  Json reasoning(const serving::ReasoningDelta& delta) const;
  Json call(const Answer::Call& call, size_t index) const;
  // The last line of a stream. `answer` has the text that was sent.
  Json end(const Answer& answer) const;
  Json whole(const Answer& answer) const;

  // Where there was nothing to answer: `reason` is "load" or "unload".
  Json nothing(std::string_view reason, double load_ms) const;

 private:
  Json line(std::string_view content, std::string_view thinking, Json calls) const;
  Json logprobs(Json line, const std::vector<serving::TextDelta::Token>& tokens) const;
  void finish(Json& line, const Answer& answer) const;

  ReplyHead head_;
};

// A stream of lines, newline-delimited JSON.
class StreamEncoder : public ReplyEncoder {
 public:
  explicit StreamEncoder(const ReplyFormat& format) : format_(format) {}

  std::string_view content_type() const override { return "application/x-ndjson"; }
  std::string opening() override { return {}; }
  std::string encode(const StreamEvent& event) override;
  std::string closing() override { return {}; }
  std::string keep_alive() override;
  std::string failure(const ApiError& error) override;
  bool failure_ends_stream() const override { return true; }

 private:
  std::string finished_call();

  const ReplyFormat& format_;
  Answer answer_;               // what has come so far
  size_t n_calls_written_ = 0;  // a call is written when it is whole
};

}  // namespace hearth::api::ollama
