// Text to token ids and back.
//
// A Tokenizer is immutable after creation and may be used from any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/prompt_text.h"
#include "text/vocabulary.h"

namespace hearth::text {

struct EncodeOptions {
  bool add_special = false;     // BOS/EOS/CLS/SEP as the vocabulary prescribes
  bool parse_special = false;   // text that spells a control token becomes that token
};

class Tokenizer {
 public:
  // Errors: kUnsupported names an unknown model or pre-tokenizer and lists the known ones; kCorrupt says what
  // is wrong with the vocabulary (array lengths, ids out of range, invalid UTF-8, bad merges).
  static Result<std::unique_ptr<Tokenizer>> create(VocabularySpec spec);

  virtual ~Tokenizer() = default;

  // Any bytes are accepted; what is not valid UTF-8 is encoded byte by byte.
  // User-defined tokens are matched always, control tokens only with parse_special.
  std::vector<TokenId> encode(std::string_view text, EncodeOptions options = {}) const;

  // A rendered prompt: control tokens are recognised where the template wrote them and nowhere else. No BOS is
  // added: templates write their own.
  std::vector<TokenId> encode(const PromptText& prompt) const;

  // The bytes a token stands for in running text; empty for control tokens unless `render_special`.
  // Out-of-range ids give nothing.
  std::string piece(TokenId id, bool render_special = false) const;

  // The whole text of ids, with the tokenizer's own clean-up at the start (SentencePiece's space prefix).
  std::string decode(std::span<const TokenId> ids, bool render_special = false) const;

  size_t vocab_size() const;
  bool is_control(TokenId id) const;
  // End-of-generation ids: EOS, EOT, EOM and the family's own (Gemma's <turn|> and <|tool_response>, …).
  std::span<const TokenId> end_of_generation() const;
  std::optional<TokenId> find(std::string_view token) const;   // exact vocabulary spelling
  std::optional<TokenId> bos() const;
  std::optional<TokenId> eos() const;
  bool adds_bos() const;
  const VocabularySpec& spec() const;
};

}  // namespace hearth::text
