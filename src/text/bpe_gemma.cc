// Gemma 4's BPE ("gemma4"): characters as the first symbols, spaces as ▁, merges by rank over whole lines.
// Runs of newlines are apart from everything else, and one that is a token is taken whole.
#include "text/merge_table.h"
#include "text/space_words.h"
#include "text/token_model.h"

namespace hearth::text {
namespace {

class GemmaBpe final : public TokenModel {
 public:
  GemmaBpe(const Vocabulary& vocabulary, MergeTable merges)
      : vocabulary_(vocabulary), space_words_(vocabulary), merges_(std::move(merges)) {}

  void encode(std::string_view text, EncodeScratch& scratch, std::vector<TokenId>& out) const override {
    while (!text.empty()) {
      const bool newlines = text.front() == '\n';
      const std::string_view run = text.substr(0, newlines ? text.find_first_not_of('\n') : text.find('\n'));
      text.remove_prefix(run.size());
      if (newlines) {
        encode_word(run, scratch, out);
        continue;
      }
      for (size_t begin = 0; begin < run.size();) {
        const size_t end = space_words_.word_end(run, begin);
        encode_word(run.substr(begin, end - begin), scratch, out);
        begin = end;
      }
    }
  }

  void append_text(TokenId id, std::string& out) const override {
    const std::string_view spelling = vocabulary_.spelling(id);
    if (vocabulary_.type(id) == TokenType::kUserDefined) {
      out.append(spelling);
    } else {
      append_unmarked(spelling, out);
    }
  }

  bool strips_leading_space() const override { return vocabulary_.spec().add_space_prefix.value_or(false); }
  // The family is trained with it throughout; early files have the flag wrong.
  bool adds_bos() const override { return true; }

 private:
  void encode_word(std::string_view word, EncodeScratch& scratch, std::vector<TokenId>& out) const {
    if (scratch.words.append(word, out)) return;
    const size_t first = out.size();
    scratch.buffer.clear();
    append_marked(word, scratch.buffer);
    const std::string_view marked = scratch.buffer;
    const TokenId whole = word.front() == '\n' ? vocabulary_.find_encodable(marked) : Vocabulary::kNoToken;
    if (whole != Vocabulary::kNoToken) {
      out.push_back(whole);
    } else {
      SymbolMerger& merger = scratch.merger;
      merger.clear();
      push_characters(marked, vocabulary_, merger);
      merger.run([this](const Symbol& left, const Symbol& right) { return merges_.find(left.id, right.id); });
      append_symbols(marked, vocabulary_, merger, out);
    }
    scratch.words.remember(word, first, out);
  }

  const Vocabulary& vocabulary_;
  SpaceWords space_words_;
  MergeTable merges_;
};

}  // namespace

Result<std::unique_ptr<TokenModel>> make_gemma_bpe(const Vocabulary& vocabulary) {
  HEARTH_TRY(MergeTable merges, MergeTable::create(vocabulary));
  return std::make_unique<GemmaBpe>(vocabulary, std::move(merges));
}

}  // namespace hearth::text
