// What the vocabularies that write a space as U+2581 (▁) have in common.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "text/symbol_merger.h"
#include "text/vocabulary.h"

namespace hearth::text {

inline constexpr std::string_view kSpaceMark = "\xE2\x96\x81";

// Appends text with every space written as ▁, or the other way round.
void append_marked(std::string_view text, std::string& out);
void append_unmarked(std::string_view text, std::string& out);

// Cuts text in front of its spaces, where no token could join the two sides: merging word by word then gives
// exactly what merging the whole text would. Which cuts are safe is read off the vocabulary.
class SpaceWords {
 public:
  explicit SpaceWords(const Vocabulary& vocabulary);

  // Where the word that begins at `begin` ends.
  size_t word_end(std::string_view text, size_t begin) const;

 private:
  // By the last byte of what is left of the cut: some token has it in front of an inner ▁.
  std::array<bool, 256> joins_after_{};
};

// The first symbols of a text: its characters; what is not valid UTF-8, byte by byte.
void push_characters(std::string_view text, const Vocabulary& vocabulary, SymbolMerger& merger);

// Appends the ids of merged symbols of `text`. A symbol that is no token becomes its bytes, or the unknown
// token where the vocabulary lacks one of them.
void append_symbols(std::string_view text, const Vocabulary& vocabulary, const SymbolMerger& merger,
                    std::vector<TokenId>& out);

}  // namespace hearth::text
