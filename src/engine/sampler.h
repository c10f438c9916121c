// Logits to the next token. One Sampler belongs to one sequence and remembers what that needs: its random
// numbers and the tokens that penalties look back at.
//
// The chain: bias and suppressed ids, penalties, the constraint, then temperature, top-k, typical, top-p,
// min-p, draw. Of equal logits the smaller id is the better one; NaN is never chosen. A draw walks what is
// left in the order of ids. Equal seeds give equal tokens: the arithmetic is on one thread and in one order.
//
// A vocabulary has a quarter of a million entries and a few hundred matter, so nothing is sorted or copied
// whole: one pass notes the maximum of each block of logits, and what could be kept is collected from the
// blocks whose maximum says that there is any.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/random.h"
#include "engine/sampling_params.h"
#include "engine/token_constraint.h"
#include "kernels/kernels.h"

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
  const kernels::KernelTable* kernels = nullptr;  // nullptr = the best there are
  // Of this one sequence; nullptr = any token may be chosen.
  std::shared_ptr<TokenConstraint> constraint{};
};

class Sampler {
 public:
  // `params` were validated. `prompt` counts for the penalties.
  Sampler(SamplingParams params, SamplerOptions options, std::span<const int32_t> prompt);

  // `logits` is used as working memory. kCorrupt when the logits hold no number to choose by (NaN or infinite
  // weights in the file); what the constraint says when it allows nothing.
  Result<SampledToken> sample(std::span<float> logits);
  // The token that comes whatever the model says, as if it had been sampled; constraints do not hear of it.
  Result<SampledToken> take(std::span<const float> logits, int32_t id);

 private:
  struct Candidate {
    float logit;
    int32_t id;
    float p = 0;  // its share, up to a common factor

    bool better_than(const Candidate& other) const {
      return logit > other.logit || (logit == other.logit && id < other.id);
    }
  };
  struct TokenCount {
    int32_t id;
    int32_t count;
  };
  struct Change {
    int32_t id;
    float logit;  // before
  };

  double report_best(std::span<const float> logits, SampledToken& out);
  void look_back_at(std::span<const int32_t> prompt);
  void remember(int32_t id);

  using Mask = std::optional<std::span<const uint64_t>>;  // as TokenConstraint::allowed()

  void scan(std::span<const float> logits);
  void scan_block(std::span<const float> logits, size_t block);
  void scan_allowed(std::span<float> logits, std::span<const uint64_t> mask);
  double sum_weights(std::span<const float> logits, float inverse_temperature);
  void collect(std::span<const float> logits, float threshold);
  void collect_best(std::span<const float> logits, size_t k);

  void adjust(std::span<float> logits);
  int32_t draw_from_all(std::span<const float> logits);
  void keep_nucleus(std::span<const float> logits);
  void weigh();
  void keep_typical();
  void keep_top_p();
  void keep_mass(double wanted);
  void keep_min_p();
  int32_t draw();

  SamplingParams params_;
  SamplerOptions options_;
  Random random_;
  float inverse_temperature_;

  bool penalise_;
  std::vector<int32_t> history_;    // what penalties look back at; empty without penalties
  std::vector<TokenCount> counts_;  // of the window at the end of history_, by id

  // Of the logits at hand; kept from token to token for their memory.
  float max_ = 0;                   // the largest, NaN left out
  std::vector<float> block_max_;    // likewise, per block
  std::vector<float> best_blocks_;  // block_max_, partly sorted
  std::vector<double> block_sum_;   // of the weights in a block
  std::vector<Change> changes_;     // what adjust() did
  std::vector<Candidate> candidates_;
};

}  // namespace hearth::engine
