#include "serving/grammar_cache.h"

#include <algorithm>

namespace hearth::serving {

using text::grammar::TokenGrammar;
using text::grammar::TokenVocabulary;

std::shared_ptr<const TokenVocabulary> GrammarCache::vocabulary() {
  std::call_once(sorted_, [&] { vocabulary_ = std::make_shared<TokenVocabulary>(tokenizer_); });
  return vocabulary_;
}

Result<std::shared_ptr<TokenGrammar>> GrammarCache::get(const std::string& key, Compile compile) {
  if (auto known = find(key)) return known;
  // Without the mutex, since it may take long; the same grammar compiled twice does no harm.
  HEARTH_TRY(auto grammar, compile());
  HEARTH_TRY(auto bound, TokenGrammar::create(std::move(grammar), vocabulary()));
  std::lock_guard lock(mutex_);
  entries_.push_front({key, bound});
  drop_surplus();
  return bound;
}

std::shared_ptr<TokenGrammar> GrammarCache::find(const std::string& key) {
  std::lock_guard lock(mutex_);
  const auto known =
      std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.key == key; });
  if (known == entries_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, known);
  return entries_.front().grammar;
}

void GrammarCache::drop_surplus() {
  size_t bytes = 0, n = 0;
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    bytes += entry->grammar->bytes();
    if (++n > 1 && (n > kMaxGrammars || bytes > kMaxBytes)) {
      entries_.erase(entry, entries_.end());
      return;
    }
  }
}

}  // namespace hearth::serving
