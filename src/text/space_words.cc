#include "text/space_words.h"

#include "text/utf8.h"

namespace hearth::text {

void append_marked(std::string_view text, std::string& out) {
  for (const char c : text) {
    if (c == ' ') {
      out.append(kSpaceMark);
    } else {
      out.push_back(c);
    }
  }
}

void append_unmarked(std::string_view text, std::string& out) {
  while (true) {
    const size_t mark = text.find(kSpaceMark);
    out.append(text.substr(0, mark));
    if (mark == std::string_view::npos) return;
    out.push_back(' ');
    text.remove_prefix(mark + kSpaceMark.size());
  }
}

SpaceWords::SpaceWords(const Vocabulary& vocabulary) {
  // A ▁ that people typed looks like a space to the model; cutting after one is never needed.
  joins_after_[static_cast<uint8_t>(kSpaceMark.back())] = true;
  for (size_t i = 0; i < vocabulary.size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    if (!vocabulary.is_encodable(id)) continue;
    const std::string_view spelling = vocabulary.spelling(id);
    for (size_t at = spelling.find(kSpaceMark, 1); at != std::string_view::npos;
         at = spelling.find(kSpaceMark, at + 1)) {
      joins_after_[static_cast<uint8_t>(spelling[at - 1])] = true;
    }
  }
}

size_t SpaceWords::word_end(std::string_view text, size_t begin) const {
  for (size_t at = text.find(' ', begin + 1); at != std::string_view::npos; at = text.find(' ', at + 1)) {
    if (text[at - 1] != ' ' && !joins_after_[static_cast<uint8_t>(text[at - 1])]) return at;
  }
  return text.size();
}

void push_characters(std::string_view text, const Vocabulary& vocabulary, SymbolMerger& merger) {
  for (uint32_t at = 0; at < text.size();) {
    const Utf8Char c = decode_utf8(text.substr(at));
    const uint32_t length = c.state == Utf8State::kValid ? c.length : 1;
    merger.push(at, length, vocabulary.find_encodable(text.substr(at, length)));
    at += length;
  }
}

void append_symbols(std::string_view text, const Vocabulary& vocabulary, const SymbolMerger& merger,
                    std::vector<TokenId>& out) {
  for (const Symbol& symbol : merger.symbols()) {
    if (symbol.id != Vocabulary::kNoToken) {
      out.push_back(symbol.id);
      continue;
    }
    const size_t first = out.size();
    for (const char c : text.substr(symbol.begin, symbol.length)) {
      const TokenId id = vocabulary.byte_token(static_cast<uint8_t>(c));
      if (id == Vocabulary::kNoToken) {
        out.resize(first);
        if (const auto unknown = vocabulary.spec().unknown) out.push_back(*unknown);
        break;
      }
      out.push_back(id);
    }
  }
}

}  // namespace hearth::text
