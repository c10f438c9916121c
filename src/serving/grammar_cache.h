// The grammars that requests to one model asked for, kept with what was found out about them: a client that
// asks for the same schema again gets its sets of tokens at once.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "base/function_ref.h"
#include "text/grammar/grammar_matcher.h"

namespace hearth::serving {

// Thread-safe. Borrows the tokenizer.
class GrammarCache {
 public:
  // What all grammars together may take; the ones not used for longest are forgotten.
  static constexpr size_t kMaxBytes = size_t{96} << 20;
  static constexpr size_t kMaxGrammars = 64;

  explicit GrammarCache(const text::Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  using Compile = FunctionRef<Result<std::shared_ptr<const text::grammar::Grammar>>()>;
  // The grammar known by `key`, or the one that compile() gives. Errors are those of compile(), and
  // kInvalidArgument for a special token that the vocabulary lacks. The first call takes a while: it sorts
  // the vocabulary.
  Result<std::shared_ptr<text::grammar::TokenGrammar>> get(const std::string& key, Compile compile);

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<text::grammar::TokenGrammar> grammar;
  };

  std::shared_ptr<const text::grammar::TokenVocabulary> vocabulary();
  std::shared_ptr<text::grammar::TokenGrammar> find(const std::string& key);
  void drop_surplus();

  const text::Tokenizer& tokenizer_;
  std::once_flag sorted_;
  std::shared_ptr<const text::grammar::TokenVocabulary> vocabulary_;
  std::mutex mutex_;
  std::list<Entry> entries_;  // the one used last in front; under mutex_
};

}  // namespace hearth::serving
