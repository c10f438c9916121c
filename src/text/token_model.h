// What the kinds of vocabulary have in common: turning plain text into ids, and one id into text.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/symbol_merger.h"
#include "text/vocabulary.h"
#include "text/word_cache.h"

namespace hearth::text {

// Memory that one encode() call reuses from word to word; never shared between threads.
struct EncodeScratch {
  explicit EncodeScratch(size_t text_bytes) : words(text_bytes) {}

  std::string buffer;
  std::vector<uint32_t> piece_ends;
  SymbolMerger merger;
  WordCache words;
};

class TokenModel {
 public:
  virtual ~TokenModel() = default;

  // Appends the ids of a stretch of text without special tokens in it. All stretches that share a scratch are
  // parts of one string that outlives it.
  virtual void encode(std::string_view text, EncodeScratch& scratch, std::vector<TokenId>& out) const = 0;

  // Appends what a normal, unused or user-defined token stands for in running text.
  virtual void append_text(TokenId id, std::string& out) const = 0;

  // Whether decoded text starts with a space that encoding put there.
  virtual bool strips_leading_space() const = 0;

  // What the family does where the file says nothing, or whatever the file says.
  virtual bool adds_bos() const = 0;
};

// Each borrows the vocabulary, which must outlive it.
Result<std::unique_ptr<TokenModel>> make_byte_level_bpe(const Vocabulary& vocabulary);  // "gpt2"
Result<std::unique_ptr<TokenModel>> make_gemma_bpe(const Vocabulary& vocabulary);       // "gemma4"
Result<std::unique_ptr<TokenModel>> make_sentence_piece(const Vocabulary& vocabulary);  // "llama"
Result<std::unique_ptr<TokenModel>> make_word_piece(const Vocabulary& vocabulary);      // "bert"

}  // namespace hearth::text
