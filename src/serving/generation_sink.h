// Turns the engine's tokens into a client's text: bytes to UTF-8, stop strings, log-probabilities.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/token_sink.h"
#include "serving/stop_matcher.h"
#include "serving/token_stream.h"
#include "text/stream_decoder.h"

namespace hearth::serving {

class GenerationSink : public engine::TokenSink {
 public:
  // Borrows the tokenizer.
  GenerationSink(TokenWriter writer, const text::Tokenizer& tokenizer, std::vector<std::string> stops,
                 bool logprobs);

  // What the consumer's cancel() does. Thread-safe.
  void set_on_cancel(std::function<void()> on_cancel) { writer_.set_on_cancel(std::move(on_cancel)); }

  bool on_token(const engine::SampledToken& token) override;
  void on_end(const engine::SequenceEnd& end) override;

 private:
  TextDelta::Token describe(const engine::SampledToken& token) const;

  TokenWriter writer_;
  const text::Tokenizer& tokenizer_;
  text::StreamDecoder decoder_;
  StopMatcher stops_;
  bool logprobs_;
  std::string matched_stop_;
};

}  // namespace hearth::serving
