// Text to token ids and back.
//
// A Tokenizer is immutable after creation and may be used from any thread.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/prompt_text.h"
#include "text/vocabulary.h"

namespace hearth::text {

struct EncodeOptions {
  bool add_special = false;    // BOS/EOS/CLS/SEP as the vocabulary prescribes
  bool parse_special = false;  // text that spells a control token becomes that token
};

class Tokenizer {
 public:
  // Errors: kUnsupported names an unknown model or pre-tokenizer and lists the known ones; kCorrupt says what
  // is wrong with the vocabulary (array lengths, ids out of range, invalid UTF-8, bad merges).
  static Result<std::unique_ptr<Tokenizer>> create(VocabularySpec spec);

  ~Tokenizer();

  // Any bytes are accepted; what is not valid UTF-8 is encoded byte by byte (WordPiece drops it).
  // User-defined tokens are matched always, control tokens only with parse_special: the leftmost first, of
  // several at one place the longest. Bytes that the vocabulary cannot express become its unknown token, or
  // nothing where it has none.
  std::vector<TokenId> encode(std::string_view text, EncodeOptions options = {}) const;

  // A rendered prompt: control tokens are recognised where the template wrote them and nowhere else, and so
  // are user-defined tokens that look like markers (<…>, […]). Everything else is split as one string,
  // whoever wrote which part. No BOS is added: templates write their own.
  std::vector<TokenId> encode(const PromptText& prompt) const;

  // The bytes a token stands for in running text; empty for control tokens unless `render_special`.
  // Out-of-range ids give nothing.
  std::string piece(TokenId id, bool render_special = false) const;

  // The whole text of ids, with the tokenizer's own clean-up at the start (SentencePiece's space prefix).
  std::string decode(std::span<const TokenId> ids, bool render_special = false) const;

  // decode() one token at a time: appends what `id` adds to a text. `at_start` says that no running text has
  // come yet, so that the clean-up at the start is due, and turns false with the first of it.
  void append(TokenId id, bool render_special, bool& at_start, std::string& out) const;

  size_t vocab_size() const;
  bool is_control(TokenId id) const;
  // End-of-generation ids: EOS, EOT, EOM and the family's own (Gemma's <turn|> and <|tool_response>, …).
  std::span<const TokenId> end_of_generation() const;
  std::optional<TokenId> find(std::string_view token) const;  // exact vocabulary spelling
  std::optional<TokenId> bos() const;
  std::optional<TokenId> eos() const;
  bool adds_bos() const;
  const VocabularySpec& spec() const;

 private:
  struct Impl;
  explicit Tokenizer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hearth::text
