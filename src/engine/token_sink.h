// Where a sequence's tokens go. Implemented above the engine; called on the engine's thread, so it must be
// quick.
#pragma once

#include <cstdint>
#include <optional>

#include "base/error.h"
#include "engine/sampler.h"

namespace hearth::engine {

enum class EndReason {
  kStopToken,
  kSinkStopped,  // on_token said so
  kMaxTokens,
  kContextFull,
  kFailed,  // `error` says why; cancelled sequences too
};

struct SequenceEnd {
  EndReason reason = EndReason::kFailed;
  std::optional<Error> error;
  int64_t prompt_tokens = 0;
  int64_t cached_tokens = 0;  // of them, stored already when the sequence began
  int64_t sampled_tokens = 0;
  int64_t drafted_tokens = 0;   // guessed ahead and checked together with others
  int64_t accepted_tokens = 0;  // of them, those that were right
  double queue_ms = 0;
  double prefill_ms = 0;
  double decode_ms = 0;
};

// How far the prompt has been read.
struct ReadProgress {
  int64_t n_total = 0;
  int64_t n_cached = 0;   // stored already when the sequence began
  int64_t n_read = 0;     // the cached ones included
  double elapsed_ms = 0;  // since the first step for it
};

class TokenSink {
 public:
  virtual ~TokenSink() = default;
  // After each step that read a part of the prompt; before the first token.
  virtual void on_progress(const ReadProgress&) {}
  // One of EngineRequest::given; before the first token.
  virtual void on_given(const SampledToken&) {}
  // False ends the sequence.
  virtual bool on_token(const SampledToken& token) = 0;
  // Exactly once, last.
  virtual void on_end(const SequenceEnd& end) = 0;
};

}  // namespace hearth::engine
