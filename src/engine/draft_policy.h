// How many tokens to draft. Measured, not configured: from the times that steps of so many rows took on this
// machine and from how often drafts were right, it takes the number of drafted rows that promises the most
// tokens per second, often none.
//
// Drafting may lose little where it does not pay. The policy keeps a credit, in steps without drafts: what a
// drafted row costs is taken from it, what a right token saves is put in, and each step adds a small
// allowance. A draft that costs more than the credit is not made. So runs of wrong drafts end soon, the next
// try waits until the allowance pays for it, and over a long time at most the allowance is lost.
//
// Steps here are those that only decode. Plain numbers in, no clock and no chance: tests bring their own
// times.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace hearth::engine {

// Rows of a decoding step, drafted ones included, that drafts may fill: up to here a pass reads each weight
// once for all rows (kernels/simd/matmul_blocks.h).
inline constexpr int64_t kMaxDecodeRows = 8;

// Times of steps by their number of rows: medians of the last few, forgotten after a while, because bandwidth
// and context change.
class StepTimes {
 public:
  void add(int64_t n_rows, double seconds);
  // 0 unless there was such a step lately.
  double measured(int64_t n_rows) const;
  // Drawn through the measured times on both sides; above the largest one with a guessed slope. 0 when
  // nothing below is known.
  double expected(int64_t n_rows) const;

 private:
  static constexpr size_t kSamples = 5;
  struct Samples {
    std::array<double, kSamples> seconds{};
    size_t n = 0;           // ever added since it was forgotten
    int64_t last_step = 0;  // of the clock that counts steps
  };
  bool fresh(const Samples& samples) const;

  std::array<Samples, kMaxDecodeRows + 1> by_rows_;
  int64_t n_steps_ = 0;
};

// How likely a drafted token is right, for one sequence: by the length of the match that the draft came from,
// beginning with what is usual and fading back to it.
class DraftAcceptance {
 public:
  double rate(int64_t match_length) const;
  // After a step of the sequence; n_drafted may be 0.
  void add(int64_t match_length, int64_t n_drafted, int64_t n_accepted);

 private:
  struct Counts {
    double tried = 0;  // accepted tokens and first wrong ones; those behind say nothing
    double accepted = 0;
  };
  std::array<Counts, 4> counts_;
};

class DraftPolicy {
 public:
  struct Candidate {
    double acceptance = 0;  // rate of the sequence
    int64_t available = 0;  // tokens that could be drafted
    int64_t n = 0;          // tokens to draft: what choose() fills in
  };

  // For a step with a row of each of `n_sequences` decoding sequences, some of which have a draft to offer.
  void choose(int64_t n_sequences, int64_t max_rows, std::span<Candidate> candidates) const;
  // What the step then did.
  void add(int64_t n_sequences, int64_t n_drafted, int64_t n_accepted, double seconds);

 private:
  static constexpr double kCreditLimit = 2;

  StepTimes times_;
  double credit_ = kCreditLimit;
};

}  // namespace hearth::engine
