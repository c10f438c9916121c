// The live output of one request: text, reasoning and tool calls (or vectors) as they come, then exactly one
// end (GenerationEnd or Error).
//
// One producer (the engine's thread) and one consumer. The consumer either blocks in next(), or polls
// try_next() after its notifier was called.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace hearth::serving {

struct TokenLogprob {
  std::string bytes;  // of the token, may be part of a character
  int32_t id = 0;
  float logprob = 0;  // NaN: of the first token of all, which follows nothing
};

struct TextDelta {
  std::string text;  // valid UTF-8; may be empty when only log-probabilities are reported
  // With logprobs: one per token whose text is in this delta, each with its alternatives, best first.
  struct Token {
    TokenLogprob chosen;
    std::vector<TokenLogprob> top;
  };
  std::vector<Token> tokens;
};

// What the model thinks before it answers.
struct ReasoningDelta {
  std::string text;  // valid UTF-8
  std::vector<TextDelta::Token> tokens;
};

// A piece of a call. The first delta of a call has its id and name; the arguments of all deltas of one index,
// joined, are one JSON object. Only a call that was cut by kLength, or that the model broke off, has less:
// the beginning of an object, which parses as nothing, so that half a command is never taken for a whole one.
struct ToolCallDelta {
  size_t index = 0;  // of the call in this answer, rising by one
  std::string id;
  std::string name;
  std::string arguments;
};

// How far the prompt has been read; only while nothing else has come.
struct PromptProgress {
  int64_t total = 0;      // tokens
  int64_t cached = 0;     // of them, taken from the cache
  int64_t processed = 0;  // cached ones included
  double elapsed_ms = 0;
};

// The result for one input of an EmbeddingRequest: its vector. For one document of a RankRequest two numbers:
// the raw score (log odds of a reranker, else the cosine of both vectors) and the relevance, 0 … 1 (the odds
// as a probability, else the cosine, 0 where it is negative).
struct Embedding {
  size_t index = 0;
  std::vector<float> values;
};

enum class FinishReason {
  kStop,       // an end-of-generation token or a stop string
  kLength,     // max_tokens reached or context full
  kToolCalls,  // as kStop, and the answer has calls, all of them whole
  kCancelled,  // the consumer cancelled: what had come is all there is, what was used is known
};

struct Usage {
  int64_t prompt_tokens = 0;      // the whole prompt
  int64_t cached_tokens = 0;      // of it, not computed again
  int64_t completion_tokens = 0;  // sampled tokens, the end token included
  int64_t reasoning_tokens = 0;   // of them, spent on reasoning
};

struct Timings {
  double load_ms = 0;  // the model's, where the request had to wait for it
  double queue_ms = 0;
  double prefill_ms = 0;
  double decode_ms = 0;
  int64_t drafted_tokens = 0;   // guessed from what the text said before
  int64_t accepted_tokens = 0;  // of them, right ones: each saved a step
};

struct GenerationEnd {
  FinishReason reason = FinishReason::kStop;
  std::string stop_string;  // the one that matched; empty for an end token
  Usage usage;
  Timings timings;
  int64_t n_dropped_messages = 0;  // left out so that the rest fits (GenerationRequest::truncate)
  int64_t n_dropped_tokens = 0;    // of texts to be embedded, from their ends (EmbeddingRequest::truncate)
};

using GenerationEvent =
    std::variant<TextDelta, ReasoningDelta, ToolCallDelta, PromptProgress, Embedding, GenerationEnd, Error>;

inline bool is_end(const GenerationEvent& event) {
  return std::holds_alternative<GenerationEnd>(event) || std::holds_alternative<Error>(event);
}

class TokenWriter;

// The consumer's end. Movable; dropping it cancels the generation.
class TokenStream {
 public:
  static std::pair<TokenStream, TokenWriter> create();
  TokenStream(TokenStream&&) noexcept = default;
  TokenStream& operator=(TokenStream&&) = delete;
  ~TokenStream();

  GenerationEvent next();  // blocks; not to be called again after the end
  std::optional<GenerationEvent> try_next();
  // Called from the producer's thread whenever an event is there to take; once at once if one is already.
  // It must be quick and must not call back into the stream. nullptr removes it; on return no call is in
  // progress.
  void set_notifier(std::function<void()> notifier);
  // Asks the producer to stop; an end still follows, and perhaps some text before it: GenerationEnd with
  // kCancelled, or Error kCancelled where nothing had begun. Thread-safe, idempotent.
  void cancel();

 private:
  friend class TokenWriter;
  struct State;
  explicit TokenStream(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

// The producer's end. Copies write to the same stream.
class TokenWriter {
 public:
  void push(GenerationEvent event);
  // Called once, with the end, on the producer's thread before the consumer can see it; several run in the
  // order they came. What they own is let go at once after that, or with the stream.
  void before_end(std::function<void(GenerationEvent&)> amend);
  bool cancelled() const;
  // Called once, on the cancelling thread, when the consumer cancels or goes away (at once if it has
  // already).
  void set_on_cancel(std::function<void()> on_cancel);

 private:
  friend class TokenStream;
  explicit TokenWriter(std::shared_ptr<TokenStream::State> state) : state_(std::move(state)) {}
  std::shared_ptr<TokenStream::State> state_;
};

}  // namespace hearth::serving
