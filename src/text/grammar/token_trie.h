// A vocabulary as a grammar sees it: the bytes of every token, sorted into a tree.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace hearth::text::grammar {

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
  };

  TokenTrie() = default;
  explicit TokenTrie(std::vector<Entry> entries);

  std::span<const Node> nodes() const { return {nodes_.data(), nodes_.size() - 1}; }
  std::span<const TokenId> tokens_at(const Node& node) const {
    return {tokens_.data() + node.first_token, (&node + 1)->first_token - node.first_token};
  }
  size_t bytes() const { return nodes_.capacity() * sizeof(Node) + tokens_.capacity() * sizeof(TokenId); }

 private:
  std::vector<Node> nodes_{Node{}};  // and one behind the last
  std::vector<TokenId> tokens_;
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
  // all of them are allowed at once, and only the others need a look.
  const TokenTrie& not_plain() const { return not_plain_; }
  std::span<const uint64_t> plain_mask() const { return plain_mask_; }
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
  std::vector<uint64_t> plain_mask_, special_mask_;
  std::vector<TokenId> end_of_generation_;
  std::string bytes_;                  // of all tokens, one after the other
  std::vector<uint32_t> begins_;       // by id; and the end
  std::vector<std::string> specials_;  // sorted
};

}  // namespace hearth::text::grammar
