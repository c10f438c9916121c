// Guesses how a text goes on from what it already says: it looks for the latest place where the text's last
// tokens stood before, and drafts what followed them there. Prompt lookup decoding, as in arXiv:2304.04487.
//
// The index is a table of hashed n-grams of 4, 3 and 2 tokens that may forget: a newer n-gram takes the place
// of an older one with the same slot, and what is found is compared with the text. Constant time per token,
// at most 32 bytes per token.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace hearth::engine {

class PromptLookup {
 public:
  // Longer agreements are not told apart.
  static constexpr int64_t kLongestMatch = 8;

  struct Match {
    int64_t length = 0;    // tokens that agree, up to kLongestMatch; 0 = the text's end is new
    int64_t position = 0;  // of the token that followed them
  };

  // `tokens` is the whole text. Each call's must begin with that of the call before.
  Match find(std::span<const int32_t> tokens);

  // Up to `n` tokens from match.position on. Where the text ends before that, it is taken to repeat itself.
  static std::vector<int32_t> draft(std::span<const int32_t> tokens, const Match& match, int64_t n);

 private:
  static constexpr size_t kShortest = 2;
  static constexpr size_t kLongest = 4;

  void index(std::span<const int32_t> tokens);
  void find_slots(std::span<const int32_t> tokens, size_t end, size_t (&slots)[kLongest + 1]) const;

  std::vector<int32_t> table_;  // the position after an n-gram; 0 = empty
  size_t n_indexed_ = 0;        // n-grams followed by a token before this one are in the table
};

}  // namespace hearth::engine
