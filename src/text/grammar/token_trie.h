// A vocabulary as a grammar sees it: the bytes of every token, sorted into a tree.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace hearth::text::grammar {

// Kinds of ASCII characters that formats are made of: [a-z], [A-Z], [0-9], [A-Za-z], [A-Za-z0-9],
// [A-Za-z0-9_-] and all that print.
inline constexpr int kCharacterKinds = 7;
bool is_of_kind(int kind, uint8_t byte);

// A tree in one array: a node's children come right after it, so that a walk goes forward through memory and
// steps over what cannot match.
class TokenTrie {
 public:
  struct Entry {
    std::string bytes;  // not empty
    TokenId id;
  };
  struct Node {
    uint32_t end;          // the first node that is not below this one
    uint32_t first_token;  // of those that end here: up to the next node's
    uint16_t depth;        // bytes from the root, this one included
    uint8_t byte;
    uint8_t kinds;  // a bit for each kind that all bytes below are of
  };

  TokenTrie() = default;
  explicit TokenTrie(std::vector<Entry> entries);

  std::span<const Node> nodes() const { return {nodes_.data(), nodes_.size() - 1}; }
  std::span<const TokenId> tokens_at(const Node& node) const {
    return {tokens_.data() + node.first_token, (&node + 1)->first_token - node.first_token};
  }
  // Those that end at nodes()[i] or below.
  std::span<const TokenId> tokens_under(size_t i) const {
    const uint32_t first = nodes_[i].first_token;
    return {tokens_.data() + first, nodes_[nodes_[i].end].first_token - first};
  }
  // Bytes of the longest way down from nodes()[i]; 255 for more.
  int height(size_t i) const { return heights_[i]; }
  size_t bytes() const {
    return nodes_.capacity() * sizeof(Node) + tokens_.capacity() * sizeof(TokenId) + heights_.capacity();
  }

 private:
  std::vector<Node> nodes_{Node{}};  // and one behind the last
  std::vector<TokenId> tokens_;
  std::vector<uint8_t> heights_;
};

// Immutable; shared by all grammars of a tokenizer.
class TokenVocabulary {
 public:
  // Tokens longer than this are never chosen under a grammar; no real vocabulary has any.
  static constexpr size_t kMaxTokenBytes = 1024;
  // Plain tokens have at most this many characters.
  static constexpr int kMaxPlainCharacters = 32;

  explicit TokenVocabulary(const Tokenizer& tokenizer);

  size_t size() const { return size_; }
  size_t n_words() const { return (size_ + 63) / 64; }  // of a mask
  uint32_t longest_token_bytes() const { return longest_; }

  // Every token that a grammar may allow: text by its bytes, special tokens (control ones, and user-defined
  // ones that look like markers) by their marked spelling and their marked number.
  const TokenTrie& all() const { return all_; }
  // Plain tokens are whole characters that a JSON string can hold unescaped. Where any such text may follow,
  // all of them are allowed at once, and only the others need a look; where it may follow up to some length,
  // all of that length.
  const TokenTrie& not_plain() const { return not_plain_; }
  // Those of up to so many characters; all of them from kMaxPlainCharacters on.
  std::span<const uint64_t> plain_mask(int max_characters) const;
  std::span<const TokenId> end_of_generation() const { return end_of_generation_; }

  // What accepting a token adds to the text; empty for one that no grammar allows.
  std::string_view bytes_of(TokenId id) const;
  bool is_special(TokenId id) const;
  bool is_end(TokenId id) const;
  // Whether a grammar can name this special token.
  bool has_special(std::string_view spelling) const;

  size_t bytes() const;

 private:
  size_t size_ = 0;
  uint32_t longest_ = 0;
  TokenTrie all_, not_plain_;
  std::vector<uint64_t> plain_masks_;  // one after the other, of up to 0, 1, 2, … characters
  std::vector<uint64_t> special_mask_;
  std::vector<TokenId> end_of_generation_;
  std::string bytes_;                  // of all tokens, one after the other
  std::vector<uint32_t> begins_;       // by id; and the end
  std::vector<std::string> specials_;  // sorted
};

}  // namespace hearth::text::grammar
