// SentencePiece BPE ("llama"): characters as the first symbols, spaces as ▁; of all neighbours that make a
// token together, those with the highest score merge first. Other characters become byte tokens.
#include <bit>

#include "text/space_words.h"
#include "text/token_model.h"

namespace hearth::text {
namespace {

// Ranks ascend where scores descend.
uint32_t rank_of(float score) {
  const auto bits = std::bit_cast<uint32_t>(score);
  const uint32_t ascending = (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
  return ~ascending;
}

class SentencePiece final : public TokenModel {
 public:
  explicit SentencePiece(const Vocabulary& vocabulary)
      : vocabulary_(vocabulary),
        space_words_(vocabulary),
        prefixes_space_(vocabulary.spec().add_space_prefix.value_or(true)),
        collapses_spaces_(vocabulary.spec().remove_extra_whitespaces.value_or(false)) {}

  void encode(std::string_view text, EncodeScratch& scratch, std::vector<TokenId>& out) const override {
    if (collapses_spaces_) {
      const std::string collapsed = collapse_spaces(text);
      // The word cache must not keep views of a string that ends here.
      EncodeScratch own(collapsed.size());
      encode_words(collapsed, own, out);
    } else {
      encode_words(text, scratch, out);
    }
  }

  void append_text(TokenId id, std::string& out) const override {
    append_unmarked(vocabulary_.spelling(id), out);
  }

  bool strips_leading_space() const override { return prefixes_space_; }
  bool adds_bos() const override { return vocabulary_.spec().add_bos.value_or(true); }

 private:
  static std::string collapse_spaces(std::string_view text) {
    std::string out;
    for (const char c : text) {
      if (c != ' ' || (!out.empty() && out.back() != ' ')) out.push_back(c);
    }
    if (!out.empty() && out.back() == ' ') out.pop_back();
    return out;
  }

  void encode_words(std::string_view text, EncodeScratch& scratch, std::vector<TokenId>& out) const {
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = space_words_.word_end(text, begin);
      const std::string_view word = text.substr(begin, end - begin);
      const bool prefixed = begin == 0 && prefixes_space_;
      begin = end;
      if (prefixed) {
        scratch.buffer.assign(kSpaceMark);
        append_marked(word, scratch.buffer);
        encode_marked(scratch, out);
        continue;
      }
      if (scratch.words.append(word, out)) continue;
      const size_t first = out.size();
      scratch.buffer.clear();
      append_marked(word, scratch.buffer);
      encode_marked(scratch, out);
      scratch.words.remember(word, first, out);
    }
  }

  // Encodes the scratch's buffer.
  void encode_marked(EncodeScratch& scratch, std::vector<TokenId>& out) const {
    const std::string_view text = scratch.buffer;
    SymbolMerger& merger = scratch.merger;
    merger.clear();
    push_characters(text, vocabulary_, merger);
    merger.run([&](const Symbol& left, const Symbol& right) {
      const TokenId id = vocabulary_.find_encodable(text.substr(left.begin, left.length + right.length));
      return id == Vocabulary::kNoToken ? Merge{} : Merge{rank_of(vocabulary_.score(id)), id};
    });
    append_symbols(text, vocabulary_, merger, out);
  }

  const Vocabulary& vocabulary_;
  SpaceWords space_words_;
  bool prefixes_space_;
  bool collapses_spaces_;
};

}  // namespace

Result<std::unique_ptr<TokenModel>> make_sentence_piece(const Vocabulary& vocabulary) {
  if (vocabulary.spec().scores.empty()) {
    return fail(ErrorCategory::kCorrupt, "a vocabulary of the model \"llama\" needs scores and has none");
  }
  return std::make_unique<SentencePiece>(vocabulary);
}

}  // namespace hearth::text
