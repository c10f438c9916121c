// Which tokens may come next, by state of a grammar: computed on the first visit, kept for the next.
#pragma once

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

  size_t bytes() const { return automaton_.bytes() + mask_bytes_; }

 private:
  void walk(const TokenTrie& trie, Automaton::State start, std::vector<uint64_t>& mask);
  Automaton::State follow(Automaton::State state, std::string_view bytes);
  bool accepts_plain_text(Automaton::State state);
  bool add_after_any_character(Automaton::State state, std::vector<Automaton::State>& out);

  std::shared_ptr<const TokenVocabulary> vocabulary_;
  Automaton automaton_;
  std::vector<std::unique_ptr<const TokenSet>> sets_;  // by canonical state
  size_t mask_bytes_ = 0;
  std::vector<Automaton::State> path_;  // of a walk
};

}  // namespace hearth::text::grammar
