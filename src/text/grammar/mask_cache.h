// Which tokens may come next, by state of a grammar: computed on the first visit, kept for the next.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "text/grammar/automaton.h"
#include "text/grammar/token_trie.h"

namespace hearth::text::grammar {

// The tokens allowed in one state. Most states allow a handful, some nearly the whole vocabulary.
struct TokenSet {
  std::vector<TokenId> few;
  std::vector<uint64_t> mask;  // a bit per token; empty where `few` says it all
};

// Not thread-safe; only grows (see Automaton).
class MaskCache {
 public:
  MaskCache(std::shared_ptr<const Grammar> grammar, std::shared_ptr<const TokenVocabulary> vocabulary);

  Automaton& automaton() { return automaton_; }
  const Automaton& automaton() const { return automaton_; }

  // The set stays where it is as long as the cache lives. kInvalidArgument: a grammar too ambiguous to
  // follow.
  Result<const TokenSet*> allowed(Automaton::State state);
  // The state after a token; kDead if it is not allowed. Errors as above.
  Result<Automaton::State> next(Automaton::State state, TokenId token);
  Result<Automaton::State> next(Automaton::State state, std::string_view bytes);

  size_t bytes() const { return automaton_.bytes() + mask_bytes_ + reach_.capacity() * sizeof(Reach); }

 private:
  void walk(const TokenTrie& trie, Automaton::State start, std::vector<uint64_t>& mask);
  Automaton::State follow(Automaton::State state, std::string_view bytes);
  int plain_characters(Automaton::State state);
  bool add_after_any_character(Automaton::State state, std::vector<Automaton::State>& out);
  bool rejects_any_character(Automaton::State state);
  bool takes_all_below(const TokenTrie& trie, size_t node, Automaton::State state);
  int characters_of_kind(Automaton::State state, int kind);
  int count_characters(Automaton::State state, std::span<const uint8_t> samples);

  std::shared_ptr<const TokenVocabulary> vocabulary_;
  Automaton automaton_;
  std::vector<std::unique_ptr<const TokenSet>> sets_;  // by canonical state
  size_t mask_bytes_ = 0;
  std::vector<Automaton::State> path_;  // of a walk

  // By state: how many characters of each kind may follow, in any order; kUnknown or up to kMostCharacters.
  using Reach = std::array<uint8_t, kCharacterKinds>;
  std::vector<Reach> reach_;
  std::array<std::vector<uint8_t>, kCharacterKinds> samples_;  // a byte of each class that a kind has
};

}  // namespace hearth::text::grammar
