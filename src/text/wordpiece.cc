// WordPiece ("bert"): words and punctuation, normalised; each word as its longest pieces from the left. In
// model files the pieces that begin a word carry a ▁ and the others lost their "##".
#include <utf8proc.h>

#include "text/prefix_index.h"
#include "text/space_words.h"
#include "text/token_model.h"
#include "text/utf8.h"

namespace hearth::text {
namespace {

bool is_white_space(uint32_t c, utf8proc_category_t category) {
  return c == '\t' || c == '\n' || c == '\r' || c == ' ' || category == UTF8PROC_CATEGORY_ZS ||
         category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP;
}

bool is_control(utf8proc_category_t category) {
  return category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_CF ||
         category == UTF8PROC_CATEGORY_CO || category == UTF8PROC_CATEGORY_CS ||
         category == UTF8PROC_CATEGORY_CN;
}

bool is_punctuation(uint32_t c, utf8proc_category_t category) {
  const bool ascii_symbol =
      (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) || (c >= 123 && c <= 126);
  return ascii_symbol || (category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO);
}

// The blocks of CJK ideographs; each of their characters is a word.
bool is_ideograph(uint32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
         (c >= 0x2A700 && c <= 0x2B73F) || (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B820 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

class WordPiece final : public TokenModel {
 public:
  explicit WordPiece(const Vocabulary& vocabulary)
      : vocabulary_(vocabulary),
        lowercase_(vocabulary.spec().lowercase.value_or(true)),
        strip_accents_(vocabulary.spec().strip_accents.value_or(lowercase_)) {
    std::vector<PrefixIndex::Entry> pieces;
    for (size_t i = 0; i < vocabulary.size(); ++i) {
      const auto id = static_cast<TokenId>(i);
      if (!vocabulary.is_encodable(id) || vocabulary.spelling(id).empty()) continue;
      pieces.push_back({vocabulary.spelling(id), id});
    }
    pieces_ = PrefixIndex(std::move(pieces));
  }

  void encode(std::string_view text, EncodeScratch& scratch, std::vector<TokenId>& out) const override {
    std::string& word = scratch.buffer;
    word.clear();
    const auto flush = [&] {
      if (!word.empty()) encode_word(word, out);
      word.clear();
    };
    while (!text.empty()) {
      const Utf8Char c = decode_utf8(text);
      text.remove_prefix(c.length);
      if (c.state != Utf8State::kValid) continue;
      const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c.code_point));
      if (is_white_space(c.code_point, category)) {
        flush();
      } else if (c.code_point != 0xFFFD && !is_control(category)) {
        add_character(c.code_point, word, flush);
      }
    }
    flush();
  }

  void append_text(TokenId id, std::string& out) const override {
    append_unmarked(vocabulary_.spelling(id), out);
  }

  bool strips_leading_space() const override { return true; }
  bool adds_bos() const override { return vocabulary_.spec().add_bos.value_or(true); }

 private:
  // Lowers, decomposes and appends one character of the text; `flush` ends the word so far.
  template <typename Flush>
  void add_character(uint32_t code_point, std::string& word, const Flush& flush) const {
    constexpr utf8proc_ssize_t kMaxDecomposed = 32;
    utf8proc_int32_t parts[kMaxDecomposed] = {static_cast<utf8proc_int32_t>(code_point)};
    utf8proc_ssize_t n_parts = 1;
    if (strip_accents_) {
      int boundary = 0;
      const auto n = utf8proc_decompose_char(parts[0], parts, kMaxDecomposed, UTF8PROC_DECOMPOSE, &boundary);
      if (n > 0 && n <= kMaxDecomposed) n_parts = n;
    }
    for (utf8proc_ssize_t i = 0; i < n_parts; ++i) {
      const auto category = utf8proc_category(parts[i]);
      if (strip_accents_ && category == UTF8PROC_CATEGORY_MN) continue;
      const auto part = static_cast<uint32_t>(parts[i]);
      const bool alone = is_punctuation(part, category) || is_ideograph(part);
      if (alone) flush();
      append_utf8(lowercase_ ? static_cast<uint32_t>(utf8proc_tolower(parts[i])) : part, word);
      if (alone) flush();
    }
  }

  void encode_word(std::string_view word, std::vector<TokenId>& out) const {
    std::string marked(kSpaceMark);
    marked.append(word);
    const size_t first = out.size();
    std::string_view rest = marked;
    while (!rest.empty()) {
      const auto* piece = pieces_.longest(rest, [](const PrefixIndex::Entry&) { return true; });
      if (piece == nullptr) {
        out.resize(first);
        if (const auto unknown = vocabulary_.spec().unknown) out.push_back(*unknown);
        return;
      }
      out.push_back(piece->id);
      rest.remove_prefix(piece->spelling.size());
    }
  }

  const Vocabulary& vocabulary_;
  bool lowercase_;
  bool strip_accents_;
  PrefixIndex pieces_;
};

}  // namespace

Result<std::unique_ptr<TokenModel>> make_word_piece(const Vocabulary& vocabulary) {
  return std::make_unique<WordPiece>(vocabulary);
}

}  // namespace hearth::text
