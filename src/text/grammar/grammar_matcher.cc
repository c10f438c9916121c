#include "text/grammar/grammar_matcher.h"

namespace hearth::text::grammar {

TokenGrammar::TokenGrammar(std::shared_ptr<const Grammar> grammar,
                           std::shared_ptr<const TokenVocabulary> vocabulary, size_t max_cache_bytes)
    : grammar_(std::move(grammar)),
      vocabulary_(std::move(vocabulary)),
      max_cache_bytes_(max_cache_bytes),
      cache_(std::make_shared<MaskCache>(grammar_, vocabulary_)) {}

Result<std::shared_ptr<TokenGrammar>> TokenGrammar::create(std::shared_ptr<const Grammar> grammar,
                                                           std::shared_ptr<const TokenVocabulary> vocabulary,
                                                           size_t max_cache_bytes) {
  for (const std::string& token : grammar->tokens()) {
    if (!vocabulary->has_special(token)) {
      return fail(ErrorCategory::kInvalidArgument,
                  "the grammar names the special token {}, which this model does not have", token);
    }
  }
  return std::shared_ptr<TokenGrammar>(
      new TokenGrammar(std::move(grammar), std::move(vocabulary), max_cache_bytes));
}

size_t TokenGrammar::cache_bytes() const {
  std::lock_guard lock(mutex_);
  return cache_->bytes();
}

size_t TokenGrammar::bytes() const {
  return cache_bytes() + grammar_->program().capacity() * sizeof(Instruction);
}

GrammarMatcher::GrammarMatcher(std::shared_ptr<TokenGrammar> grammar) : grammar_(std::move(grammar)) {
  std::lock_guard lock(grammar_->mutex_);
  cache_ = grammar_->cache_;
  state_ = cache_->automaton().start();
}

void GrammarMatcher::follow_cache() {
  if (grammar_->cache_->bytes() > grammar_->max_cache_bytes_) {
    grammar_->cache_ = std::make_shared<MaskCache>(grammar_->grammar_, grammar_->vocabulary_);
  }
  if (cache_ == grammar_->cache_) return;
  const Automaton::Place place = cache_->automaton().export_state(state_);
  cache_ = grammar_->cache_;
  state_ = cache_->automaton().import_state(place);
}

Result<std::span<const uint64_t>> GrammarMatcher::allowed() {
  std::lock_guard lock(grammar_->mutex_);
  follow_cache();
  HEARTH_TRY(const TokenSet* set, cache_->allowed(state_));
  if (!set->mask.empty()) return std::span<const uint64_t>(set->mask);
  if (set->few.empty()) {
    return fail(ErrorCategory::kInvalidArgument,
                "the grammar allows nothing that this model's vocabulary could go on with");
  }
  mask_.resize(grammar_->vocabulary_->n_words());
  for (const TokenId id : mask_bits_) mask_[static_cast<size_t>(id) / 64] = 0;
  mask_bits_ = set->few;
  for (const TokenId id : mask_bits_) {
    mask_[static_cast<size_t>(id) / 64] |= uint64_t{1} << (static_cast<size_t>(id) % 64);
  }
  return std::span<const uint64_t>(mask_);
}

Status GrammarMatcher::accept(TokenId token) {
  std::lock_guard lock(grammar_->mutex_);
  follow_cache();
  HEARTH_TRY(const Automaton::State next, cache_->next(state_, token));
  if (next != Automaton::kDead) {
    state_ = next;
    return {};
  }
  // Ends the text, and changes nothing.
  if (cache_->automaton().is_complete(state_) && grammar_->vocabulary_->is_end(token)) return {};
  return fail(ErrorCategory::kInvalidArgument, "the grammar does not allow the token {} here", token);
}

Status GrammarMatcher::accept_text(std::string_view bytes) {
  std::lock_guard lock(grammar_->mutex_);
  follow_cache();
  HEARTH_TRY(const Automaton::State next, cache_->next(state_, bytes));
  if (next == Automaton::kDead) {
    return fail(ErrorCategory::kInvalidArgument, "the grammar does not allow this text here");
  }
  state_ = next;
  return {};
}

bool GrammarMatcher::is_complete() const {
  std::lock_guard lock(grammar_->mutex_);
  return cache_->automaton().is_complete(state_);
}

std::string GrammarMatcher::forced_text(size_t max_bytes) {
  std::lock_guard lock(grammar_->mutex_);
  follow_cache();
  Automaton& automaton = cache_->automaton();
  automaton.begin_work();
  std::string text;
  for (Automaton::State state = state_; text.size() < max_bytes;) {
    const int byte = automaton.forced_byte(state);
    if (byte < 0) break;
    state = automaton.next(state, static_cast<uint8_t>(byte));
    if (state == Automaton::kDead) break;
    text.push_back(static_cast<char>(byte));
  }
  return text;
}

}  // namespace hearth::text::grammar
