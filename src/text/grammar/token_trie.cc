#include "text/grammar/token_trie.h"

#include <algorithm>
#include <optional>

#include "text/grammar/rules.h"
#include "text/utf8.h"

namespace hearth::text::grammar {
namespace {

// The characters of a plain token; nullopt for others.
std::optional<int> plain_characters(std::string_view bytes) {
  int n_characters = 0;
  while (!bytes.empty()) {
    const Utf8Char c = decode_utf8(bytes);
    if (c.state != Utf8State::kValid || c.code_point < 0x20 || c.code_point == '"' || c.code_point == '\\') {
      return std::nullopt;
    }
    if (++n_characters > TokenVocabulary::kMaxPlainCharacters) return std::nullopt;
    bytes.remove_prefix(c.length);
  }
  return n_characters;
}

void set_bit(std::span<uint64_t> mask, TokenId id) {
  mask[static_cast<size_t>(id) / 64] |= uint64_t{1} << (static_cast<size_t>(id) % 64);
}

bool has_bit(const std::vector<uint64_t>& mask, TokenId id) {
  return (mask[static_cast<size_t>(id) / 64] >> (static_cast<size_t>(id) % 64) & 1) != 0;
}

// Control tokens, and the user-defined ones that look like markers: a marker in the middle of a text would
// mean something to whoever reads the answer, so it is never part of one.
bool is_marker(const Tokenizer& tokenizer, TokenId id) {
  if (tokenizer.is_control(id)) return true;
  const std::vector<int64_t>& types = tokenizer.spec().types;
  const auto index = static_cast<size_t>(id);
  if (index >= types.size() || types[index] != static_cast<int64_t>(TokenType::kUserDefined)) return false;
  const std::string_view spelling = tokenizer.spec().tokens[index];
  return (spelling.starts_with('<') && spelling.ends_with('>')) ||
         (spelling.starts_with('[') && spelling.ends_with(']'));
}

std::string marked(std::string_view spelling) {
  return std::string(1, kTokenMark).append(spelling) + kTokenMark;
}

uint8_t kinds_of(uint8_t byte) {
  uint8_t kinds = 0;
  for (int kind = 0; kind < kCharacterKinds; ++kind) {
    if (is_of_kind(kind, byte)) kinds = static_cast<uint8_t>(kinds | 1 << kind);
  }
  return kinds;
}

}  // namespace

bool is_of_kind(int kind, uint8_t byte) {
  const bool lower = byte >= 'a' && byte <= 'z', upper = byte >= 'A' && byte <= 'Z';
  const bool digit = byte >= '0' && byte <= '9';
  switch (kind) {
    case 0:
      return lower;
    case 1:
      return upper;
    case 2:
      return digit;
    case 3:
      return lower || upper;
    case 4:
      return lower || upper || digit;
    case 5:
      return lower || upper || digit || byte == '_' || byte == '-';
    default:
      return byte >= 0x20 && byte < 0x7F;
  }
}

TokenTrie::TokenTrie(std::vector<Entry> entries) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.bytes != b.bytes ? a.bytes < b.bytes : a.id < b.id;
  });
  nodes_.clear();
  std::vector<uint32_t> path;  // the nodes from the root to the last one
  std::string_view previous;
  const auto leave = [&](size_t depth) {
    for (; path.size() > depth; path.pop_back())
      nodes_[path.back()].end = static_cast<uint32_t>(nodes_.size());
  };
  for (const Entry& entry : entries) {
    const std::string_view bytes = entry.bytes;
    const auto differ = std::mismatch(bytes.begin(), bytes.end(), previous.begin(), previous.end());
    const auto shared = static_cast<size_t>(differ.first - bytes.begin());
    if (shared < bytes.size()) leave(shared);
    for (size_t depth = path.size(); depth < bytes.size(); ++depth) {
      path.push_back(static_cast<uint32_t>(nodes_.size()));
      nodes_.push_back({.end = 0,
                        .first_token = static_cast<uint32_t>(tokens_.size()),
                        .depth = static_cast<uint16_t>(depth + 1),
                        .byte = static_cast<uint8_t>(bytes[depth]),
                        .kinds = 0xFF});
    }
    tokens_.push_back(entry.id);
    previous = bytes;
  }
  leave(0);
  nodes_.push_back({.end = static_cast<uint32_t>(nodes_.size()),
                    .first_token = static_cast<uint32_t>(tokens_.size()),
                    .depth = 0,
                    .byte = 0,
                    .kinds = 0});
  // What lies below, from the leaves up.
  heights_.assign(nodes_.size(), 0);
  for (size_t i = nodes_.size() - 1; i-- > 0;) {
    for (size_t child = i + 1; child < nodes_[i].end; child = nodes_[child].end) {
      nodes_[i].kinds &= static_cast<uint8_t>(nodes_[child].kinds & kinds_of(nodes_[child].byte));
      heights_[i] = static_cast<uint8_t>(std::max<int>(heights_[i], std::min(255, heights_[child] + 1)));
    }
  }
  nodes_.shrink_to_fit();
  tokens_.shrink_to_fit();
}

TokenVocabulary::TokenVocabulary(const Tokenizer& tokenizer)
    : size_(tokenizer.vocab_size()),
      plain_masks_(n_words() * (kMaxPlainCharacters + 1)),
      special_mask_(n_words()) {
  const auto ends = tokenizer.end_of_generation();
  end_of_generation_.assign(ends.begin(), ends.end());
  std::vector<TokenTrie::Entry> all, not_plain;
  begins_.reserve(size_ + 1);
  for (size_t i = 0; i < size_; ++i) {
    const auto id = static_cast<TokenId>(i);
    begins_.push_back(static_cast<uint32_t>(bytes_.size()));
    if (is_marker(tokenizer, id)) {
      std::string spelling = tokenizer.piece(id, true);
      if (spelling.empty() || spelling.size() > kMaxTokenBytes - 2) continue;
      const std::string number = fmt::format("[{}]", id);
      for (const std::string& name : {spelling, number}) {
        all.push_back({marked(name), id});
        not_plain.push_back({marked(name), id});
      }
      set_bit(special_mask_, id);
      bytes_ += marked(spelling);
      specials_.push_back(number);
      specials_.push_back(std::move(spelling));
      continue;
    }
    std::string bytes = tokenizer.piece(id);
    // What decodes to nothing would never get anywhere, and what holds the mark would pass for a special
    // token.
    if (bytes.empty() || bytes.size() > kMaxTokenBytes || is_end(id)) continue;
    if (bytes.find(kTokenMark) != std::string::npos) continue;
    bytes_ += bytes;
    longest_ = std::max(longest_, static_cast<uint32_t>(bytes.size()));
    if (const auto n_characters = plain_characters(bytes)) {
      for (int n = *n_characters; n <= kMaxPlainCharacters; ++n) {
        set_bit(std::span(plain_masks_).subspan(static_cast<size_t>(n) * n_words(), n_words()), id);
      }
    } else {
      not_plain.push_back({bytes, id});
    }
    all.push_back({std::move(bytes), id});
  }
  begins_.push_back(static_cast<uint32_t>(bytes_.size()));
  bytes_.shrink_to_fit();
  std::sort(specials_.begin(), specials_.end());
  all_ = TokenTrie(std::move(all));
  not_plain_ = TokenTrie(std::move(not_plain));
}

std::span<const uint64_t> TokenVocabulary::plain_mask(int max_characters) const {
  const int n = std::min(max_characters, kMaxPlainCharacters);
  return std::span(plain_masks_).subspan(static_cast<size_t>(n) * n_words(), n_words());
}

std::string_view TokenVocabulary::bytes_of(TokenId id) const {
  if (id < 0 || static_cast<size_t>(id) >= size_) return {};
  const size_t begin = begins_[static_cast<size_t>(id)];
  return std::string_view(bytes_).substr(begin, begins_[static_cast<size_t>(id) + 1] - begin);
}

bool TokenVocabulary::is_special(TokenId id) const {
  return id >= 0 && static_cast<size_t>(id) < size_ && has_bit(special_mask_, id);
}

bool TokenVocabulary::is_end(TokenId id) const {
  return std::find(end_of_generation_.begin(), end_of_generation_.end(), id) != end_of_generation_.end();
}

bool TokenVocabulary::has_special(std::string_view spelling) const {
  return std::binary_search(specials_.begin(), specials_.end(), spelling);
}

size_t TokenVocabulary::bytes() const {
  return all_.bytes() + not_plain_.bytes() + bytes_.capacity() + begins_.capacity() * sizeof(uint32_t) +
         (plain_masks_.capacity() + special_mask_.capacity()) * sizeof(uint64_t);
}

}  // namespace hearth::text::grammar
