// A grammar applied to the tokens of one answer: which may come next, and taking one.
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "text/grammar/mask_cache.h"

namespace hearth::text::grammar {

// A grammar together with a vocabulary, and what matchers have found out about the two. Shared by all answers
// under that grammar; thread-safe. What it remembers is bounded and thrown away when it is too much.
class TokenGrammar {
 public:
  static constexpr size_t kMaxCacheBytes = size_t{32} << 20;

  // kInvalidArgument: the grammar names a special token that the vocabulary does not have.
  static Result<std::shared_ptr<TokenGrammar>> create(std::shared_ptr<const Grammar> grammar,
                                                      std::shared_ptr<const TokenVocabulary> vocabulary,
                                                      size_t max_cache_bytes = kMaxCacheBytes);

  const TokenVocabulary& vocabulary() const { return *vocabulary_; }
  // What is remembered; with the grammar itself.
  size_t cache_bytes() const;
  size_t bytes() const;

 private:
  friend class GrammarMatcher;
  TokenGrammar(std::shared_ptr<const Grammar> grammar, std::shared_ptr<const TokenVocabulary> vocabulary,
               size_t max_cache_bytes);

  std::shared_ptr<const Grammar> grammar_;
  std::shared_ptr<const TokenVocabulary> vocabulary_;
  size_t max_cache_bytes_;
  mutable std::mutex mutex_;
  std::shared_ptr<MaskCache> cache_;  // and all that is in it, under mutex_
};

// One answer's place in the grammar. Not thread-safe.
class GrammarMatcher {
 public:
  explicit GrammarMatcher(std::shared_ptr<TokenGrammar> grammar);

  // A bit per token of the vocabulary; valid until the next call. End-of-generation tokens are allowed
  // exactly when the text is complete. Errors, kInvalidArgument: a grammar too ambiguous to follow, or one
  // whose text no token of this vocabulary continues.
  Result<std::span<const uint64_t>> allowed();

  // Moves on. kInvalidArgument for a token that is not allowed; the place is then the same as before.
  Status accept(TokenId token);
  // The same for bytes that belong to no token of their own.
  Status accept_text(std::string_view bytes);

  // The text may end here.
  bool is_complete() const;
  // The text that must come next whatever is chosen, at most `max_bytes` of it; empty where there is a
  // choice.
  std::string forced_text(size_t max_bytes);

 private:
  // To the newest cache, and to a new one when that is full. Needs the mutex.
  void follow_cache();

  std::shared_ptr<TokenGrammar> grammar_;
  std::shared_ptr<MaskCache> cache_;
  Automaton::State state_;
  std::vector<uint64_t> mask_;      // what allowed() wrote, if not the cache's own
  std::vector<TokenId> mask_bits_;  // set in it
};

}  // namespace hearth::text::grammar
