// One timeline of tokens on its way through the engine.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/draft_policy.h"
#include "engine/kv_cache.h"
#include "engine/prompt_lookup.h"
#include "engine/sampler.h"
#include "engine/token_sink.h"

namespace hearth::engine {

using Clock = std::chrono::steady_clock;
using SequenceId = uint64_t;

// What is asked of the engine: token ids in, token ids out.
struct EngineRequest {
  std::vector<int32_t> prompt{};
  // Follow the prompt before anything is sampled, and are reported with the log-probabilities that they have
  // (TokenSink::on_given): what a text's own words are worth to the model. They count as a part of the
  // prompt.
  std::vector<int32_t> given{};
  SamplingParams sampling{};
  SamplerOptions sampler_options{};
  int64_t max_tokens = -1;             // -1 = until the context is full; 0 = evaluate the prompt only
  std::vector<int32_t> stop_tokens{};  // end the sequence; reported as its last token
  std::string cache_scope{};           // prefixes are shared, and steps are fair, between owners of requests
  std::shared_ptr<TokenSink> sink{};
};

struct Sequence {
  Sequence(SequenceId id, EngineRequest request_in)
      : id(id),
        request(std::move(request_in)),
        sampler(request.sampling, request.sampler_options, request.prompt),
        tokens(request.prompt),
        arrived(Clock::now()) {}

  SequenceId id;
  EngineRequest request;
  Sampler sampler;
  std::vector<int32_t> tokens;  // prompt and what was sampled
  int64_t n_computed = 0;       // tokens whose keys and values are stored
  int64_t n_cached = 0;         // tokens of the prompt that were stored when it began
  int64_t n_from_disk = 0;      // of them, read back from the disk for it
  SequenceBlocks blocks;
  std::optional<int64_t> n_in_memory;  // of its tokens, when the disk was asked for more
  std::optional<int64_t> read_share;   // what it has had of the rows for prompts, by the scheduler's count

  PromptLookup lookup;
  DraftAcceptance acceptance;
  int64_t n_drafted = 0;
  int64_t n_accepted = 0;  // of them

  Clock::time_point arrived;
  Clock::time_point started;  // of its first prefill
  Clock::time_point first_token;

  int64_t n_prompt() const { return static_cast<int64_t>(request.prompt.size()); }
  int64_t n_whole_prompt() const { return n_prompt() + static_cast<int64_t>(request.given.size()); }
  int64_t n_tokens() const { return static_cast<int64_t>(tokens.size()); }
  int64_t n_following() const { return n_tokens() - n_prompt(); }  // behind the prompt, given or sampled
  int64_t n_given() const { return std::min(n_following(), static_cast<int64_t>(request.given.size())); }
  int64_t n_sampled() const { return n_following() - n_given(); }
  // The tokens that are given and not there yet.
  std::span<const int32_t> still_given() const {
    return std::span(request.given).subspan(static_cast<size_t>(n_given()));
  }
  int64_t n_pending() const { return n_tokens() - n_computed; }  // rows still to be computed
  bool decoding() const { return n_pending() == 1 && n_following() > 0; }
  bool has_started() const { return started != Clock::time_point{}; }
  std::span<const int32_t> computed() const {
    return std::span(tokens).first(static_cast<size_t>(n_computed));
  }
};

}  // namespace hearth::engine
