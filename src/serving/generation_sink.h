// Turns the engine's tokens into what a client sees: bytes to UTF-8; reasoning, text and calls told apart;
// stop strings; log-probabilities.
//
// Stop strings end the answer where they appear in its text. In reasoning and in the arguments of calls they
// mean nothing, and they do not reach across a call or a piece of reasoning.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/token_sink.h"
#include "serving/stop_matcher.h"
#include "serving/token_stream.h"
#include "text/output/output_parser.h"
#include "text/stream_decoder.h"

namespace hearth::serving {

struct SinkOptions {
  std::vector<std::string> stops;
  bool logprobs = false;
  text::OutputSyntax syntax;  // plain: all output is text
  text::OutputParserOptions parser;
  bool parallel_tool_calls = true;  // false: the first whole call ends the sequence
  // Text before the first token, without a log-probability: nothing stands before it.
  std::optional<text::TokenId> unscored;
};

class GenerationSink : public engine::TokenSink {
 public:
  // Borrows the tokenizer.
  GenerationSink(TokenWriter writer, const text::Tokenizer& tokenizer, SinkOptions options);

  // What the consumer's cancel() does. Thread-safe.
  void set_on_cancel(std::function<void()> on_cancel) { writer_.set_on_cancel(std::move(on_cancel)); }

  void on_progress(const engine::ReadProgress& now) override;
  void on_given(const engine::SampledToken& token) override;
  bool on_token(const engine::SampledToken& token) override;
  void on_end(const engine::SequenceEnd& end) override;

 private:
  TextDelta::Token describe(const engine::SampledToken& token) const;
  // Writes what the parser has found. False when the answer is over.
  bool deliver();
  bool deliver_text(const std::string& text);
  void flush_text();

  TokenWriter writer_;
  const text::Tokenizer& tokenizer_;
  text::StreamDecoder decoder_;
  text::OutputParser parser_;
  StopMatcher stops_;
  const bool logprobs_;
  const bool parallel_tool_calls_;
  std::vector<TextDelta::Token> waiting_;  // for the text they are part of
  size_t n_calls_ = 0;
  bool in_call_ = false;     // one has begun and is not whole yet
  bool broke_call_ = false;  // one went on as something else
  int64_t reasoning_tokens_ = 0;
  std::string matched_stop_;
};

}  // namespace hearth::serving
