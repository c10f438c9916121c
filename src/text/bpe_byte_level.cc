// Byte-level BPE ("gpt2"): words cut by the model's patterns, bytes as the first symbols, merges by rank.
#include <array>

#include "text/byte_alphabet.h"
#include "text/merge_table.h"
#include "text/pre_tokenizer.h"
#include "text/token_model.h"

namespace hearth::text {
namespace {

class ByteLevelBpe final : public TokenModel {
 public:
  ByteLevelBpe(const Vocabulary& vocabulary, const PreTokenizerRule& rule, PreTokenizer pre_tokenizer,
               MergeTable merges)
      : vocabulary_(vocabulary),
        rule_(rule),
        pre_tokenizer_(std::move(pre_tokenizer)),
        merges_(std::move(merges)) {
    std::string character;
    for (size_t byte = 0; byte < byte_ids_.size(); ++byte) {
      character.clear();
      append_byte_character(static_cast<uint8_t>(byte), character);
      // A user-defined token of one such character means the character itself.
      const TokenId id = vocabulary.find(character);
      const bool is_byte = id != Vocabulary::kNoToken && vocabulary.type(id) == TokenType::kNormal;
      byte_ids_[byte] = is_byte ? id : Vocabulary::kNoToken;
    }
    // In many files "unknown" repeats the end-of-text token, which text must not become.
    const auto unknown = vocabulary.spec().unknown;
    if (unknown && vocabulary.type(*unknown) == TokenType::kUnknown) unknown_ = *unknown;
  }

  void encode(std::string_view text, EncodeScratch& scratch, std::vector<TokenId>& out) const override {
    pre_tokenizer_.split(text, scratch.piece_ends);
    size_t begin = 0;
    for (const uint32_t end : scratch.piece_ends) {
      const std::string_view word = text.substr(begin, end - begin);
      begin = end;
      if (scratch.words.append(word, out)) continue;
      const size_t first = out.size();
      encode_word(word, scratch, out);
      scratch.words.remember(word, first, out);
    }
  }

  void append_text(TokenId id, std::string& out) const override {
    const std::string_view spelling = vocabulary_.spelling(id);
    if (vocabulary_.type(id) == TokenType::kUserDefined) {
      out.append(spelling);
    } else {
      append_spelled_bytes(spelling, out);
    }
  }

  bool strips_leading_space() const override { return false; }
  bool adds_bos() const override { return vocabulary_.spec().add_bos.value_or(rule_.adds_bos); }

 private:
  void encode_word(std::string_view word, EncodeScratch& scratch, std::vector<TokenId>& out) const {
    if (rule_.ignores_merges && word.size() <= vocabulary_.longest_encodable_bytes()) {
      scratch.buffer.clear();
      for (const char c : word) append_byte_character(static_cast<uint8_t>(c), scratch.buffer);
      const TokenId id = vocabulary_.find(scratch.buffer);
      if (id != Vocabulary::kNoToken && vocabulary_.type(id) == TokenType::kNormal) {
        out.push_back(id);
        return;
      }
    }
    SymbolMerger& merger = scratch.merger;
    merger.clear();
    for (uint32_t i = 0; i < word.size(); ++i) merger.push(i, 1, byte_ids_[static_cast<uint8_t>(word[i])]);
    merger.run([this](const Symbol& left, const Symbol& right) { return merges_.find(left.id, right.id); });
    for (const Symbol& symbol : merger.symbols()) {
      // Some vocabularies lack bytes that their makers never met; there is nothing to put in their place.
      const TokenId id = symbol.id != Vocabulary::kNoToken ? symbol.id : unknown_;
      if (id != Vocabulary::kNoToken) out.push_back(id);
    }
  }

  const Vocabulary& vocabulary_;
  const PreTokenizerRule& rule_;
  PreTokenizer pre_tokenizer_;
  MergeTable merges_;
  std::array<TokenId, 256> byte_ids_{};
  TokenId unknown_ = Vocabulary::kNoToken;
};

}  // namespace

Result<std::unique_ptr<TokenModel>> make_byte_level_bpe(const Vocabulary& vocabulary) {
  HEARTH_TRY(const PreTokenizerRule* rule, find_pre_tokenizer_rule(vocabulary.spec().pre));
  HEARTH_TRY(PreTokenizer pre_tokenizer, PreTokenizer::compile(rule->patterns));
  HEARTH_TRY(MergeTable merges, MergeTable::create(vocabulary));
  return std::make_unique<ByteLevelBpe>(vocabulary, *rule, std::move(pre_tokenizer), std::move(merges));
}

}  // namespace hearth::text
