// Logits to the next token. One Sampler belongs to one sequence and remembers what that needs: its random
// numbers and the tokens that penalties look back at.
//
// The chain: bias and suppressed ids, penalties, then temperature, top-k, typical, top-p, min-p, draw. Equal
// seeds give equal tokens: the arithmetic is on one thread and in one order.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/random.h"
#include "engine/sampling_params.h"

namespace hearth::engine {

struct TokenLogit {
  int32_t id = 0;
  float logprob = 0;  // of the model's own distribution, before the chain
};

struct SampledToken {
  TokenLogit chosen;
  std::vector<TokenLogit> top;  // best first, as many as asked for
};

struct SamplerOptions {
  std::vector<int32_t> suppressed{};  // never chosen
  bool logprobs = false;
  int top_logprobs = 0;
};

class Sampler {
 public:
  // `params` were validated. `prompt` counts for the penalties.
  Sampler(SamplingParams params, SamplerOptions options, std::span<const int32_t> prompt);

  // `logits` is used as working memory. kCorrupt when the logits hold no number to choose by (NaN or infinite
  // weights in the file).
  Result<SampledToken> sample(std::span<float> logits);

 private:
  struct Candidate {
    float logit;
    int32_t id;
    float p = 0;
  };

  void adjust(std::span<float> logits);
  void select_candidates(std::span<const float> logits);
  void normalise();
  void keep_typical();
  void keep_top_p();
  void keep_min_p();

  SamplingParams params_;
  SamplerOptions options_;
  Random random_;
  std::vector<int32_t> history_;
  std::vector<Candidate> candidates_;
};

}  // namespace hearth::engine
