// How many rows of prompts a step takes, by measured times. While somebody waits for the next token, all but
// one in twenty steps with prompt rows last less than two steps without: times scatter, on one machine more
// than on another, and what is aimed at follows what comes of it. While nobody does, a step is bounded so
// that whoever arrives is not kept waiting for long: a step cannot be entered once it has begun.
//
// Plain numbers in, no clock: tests bring their own times.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>

namespace hearth::engine {

class StepPace {
 public:
  StepPace();

  // For a step with a row of each of `n_decoding` sequences. 0 where a step without prompts has to be
  // measured first.
  int64_t prompt_rows(int64_t n_decoding, int64_t max_rows) const;
  // What the step then took; drafted rows do not count.
  void add(int64_t n_decoding, int64_t n_prompt_rows, double seconds);

 private:
  double decode_seconds(int64_t n_decoding) const;  // 0 when it is not known

  // Seconds of the last steps of a kind.
  class Recent {
   public:
    void add(double seconds);
    // What such a step takes when nothing disturbs it. A mean would follow each disturbance up, and steps
    // with prompts would then be planned by what the machine does not take again.
    double undisturbed() const;

   private:
    std::array<double, 5> seconds_{};  // the newest at n_ - 1, in a ring
    size_t n_ = 0;
  };

  std::map<int64_t, Recent> decode_;  // steps without prompts, by their sequences
  double stretch_;                    // what a step with prompts is planned to take, in steps without
  int64_t n_mixed_steps_ = 0;         // since one of them was measured

  // Seconds that a row of a prompt adds, and the rows there were last; beside decoding rows and without any.
  struct Rows {
    double seconds = 0;
    int64_t n_last = 0;
    void add(int64_t n_rows, double row_seconds);
    int64_t within(double budget_seconds, int64_t first) const;
  };
  Rows beside_, alone_;
};

}  // namespace hearth::engine
