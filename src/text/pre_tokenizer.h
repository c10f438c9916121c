// The first cut of byte-level BPE: a model's patterns split text into words that merges never cross.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::text {

// How one named pre-tokenizer cuts. Patterns apply one after the other, each to the pieces that the ones
// before left; a match is a piece, and so is what lies between two matches.
struct PreTokenizerRule {
  std::string_view name;
  std::span<const std::string_view> patterns;  // PCRE syntax; \s is Unicode white space
  bool ignores_merges = false;  // a word that is a token is taken whole, without asking the merges
  bool adds_bos = false;        // where the file does not say
};

// The rule called `name`; for an empty name that of GPT-2. Error: kUnsupported, listing the known names.
Result<const PreTokenizerRule*> find_pre_tokenizer_rule(std::string_view name);

// Compiled patterns; immutable, any thread.
class PreTokenizer {
 public:
  // Errors: kInternal for a pattern that does not compile.
  static Result<PreTokenizer> compile(std::span<const std::string_view> patterns);

  PreTokenizer(PreTokenizer&&) noexcept;
  PreTokenizer& operator=(PreTokenizer&&) noexcept;
  ~PreTokenizer();

  // Where the pieces of `text` (below 4 GiB) end, ascending; the last end is text.size(). Invalid UTF-8 is
  // cut out: patterns see only the valid stretches. A pattern that runs out of its budget on some stretch is
  // applied to it window by window, so that every text is split in bounded time.
  void split(std::string_view text, std::vector<uint32_t>& ends) const;

 private:
  struct Pattern;
  PreTokenizer();
  std::vector<std::unique_ptr<Pattern>> patterns_;
};

}  // namespace hearth::text
