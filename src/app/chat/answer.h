// Takes an answer off its stream while a person watches.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "serving/token_stream.h"

namespace hearth::app {

struct AnswerWatcher {
  std::function<void(std::string_view)> on_text;  // valid UTF-8
  std::function<void(std::string_view)> on_reasoning;
  std::function<bool()> wants_stop;                // asked about ten times a second
  std::function<void(double seconds)> on_waiting;  // likewise, until the first text
};

struct Answer {
  std::string reasoning;
  std::string text;
  std::optional<serving::GenerationEnd> end;  // absent: `error` says why
  std::optional<Error> error;
  bool stopped = false;  // because wants_stop said so
};

// Blocks until the stream's end.
Answer take_answer(serving::TokenStream stream, const AnswerWatcher& watcher);

// "prompt 26 tokens (10 reused) in 0.21 s, 76.2 tokens/s; answer 120 tokens in 10.0 s, 12.0 tokens/s"
std::string timing_line(const serving::GenerationEnd& end);

}  // namespace hearth::app
