#include "text/grammar/mask_cache.h"

#include <algorithm>
#include <bit>

namespace hearth::text::grammar {
namespace {

using State = Automaton::State;

// Sets of up to this many tokens are kept as a list.
constexpr size_t kFew = 1024;

struct ByteRange {
  uint8_t first, last;
};

// The UTF-8 of every character that a JSON string holds unescaped, byte by byte (RFC 3629, section 4).
constexpr ByteRange kTail = {0x80, 0xBF};
constexpr struct {
  size_t length;
  ByteRange bytes[4];
} kPlainCharacters[] = {
    {1, {{0x20, 0x21}}},
    {1, {{0x23, 0x5B}}},
    {1, {{0x5D, 0x7F}}},
    {2, {{0xC2, 0xDF}, kTail}},
    {3, {{0xE0, 0xE0}, {0xA0, 0xBF}, kTail}},
    {3, {{0xE1, 0xEC}, kTail, kTail}},
    {3, {{0xED, 0xED}, {0x80, 0x9F}, kTail}},
    {3, {{0xEE, 0xEF}, kTail, kTail}},
    {4, {{0xF0, 0xF0}, {0x90, 0xBF}, kTail, kTail}},
    {4, {{0xF1, 0xF3}, kTail, kTail, kTail}},
    {4, {{0xF4, 0xF4}, {0x80, 0x8F}, kTail, kTail}},
};

tl::unexpected<Error> too_ambiguous() {
  return fail(ErrorCategory::kInvalidArgument,
              "the grammar is too ambiguous: it can read the answer so far in too many ways");
}

void set_bit(std::vector<uint64_t>& mask, TokenId id) {
  mask[static_cast<size_t>(id) / 64] |= uint64_t{1} << (static_cast<size_t>(id) % 64);
}

}  // namespace

MaskCache::MaskCache(std::shared_ptr<const Grammar> grammar,
                     std::shared_ptr<const TokenVocabulary> vocabulary)
    : vocabulary_(std::move(vocabulary)),
      automaton_(std::move(grammar)),
      path_(TokenVocabulary::kMaxTokenBytes + 1) {}

Result<const TokenSet*> MaskCache::allowed(State state) {
  automaton_.begin_work();
  state = automaton_.canonical(state, vocabulary_->longest_token_bytes());
  if (sets_.size() <= state) sets_.resize(state + 1);
  if (sets_[state]) return sets_[state].get();

  auto set = std::make_unique<TokenSet>();
  if (accepts_plain_text(state)) {
    set->mask.assign(vocabulary_->plain_mask().begin(), vocabulary_->plain_mask().end());
    walk(vocabulary_->not_plain(), state, set->mask);
  } else {
    set->mask.resize(vocabulary_->n_words());
    walk(vocabulary_->all(), state, set->mask);
  }
  if (automaton_.too_ambiguous()) return too_ambiguous();
  if (automaton_.is_complete(state)) {
    for (const TokenId id : vocabulary_->end_of_generation()) set_bit(set->mask, id);
  }
  size_t n = 0;
  for (const uint64_t word : set->mask) n += static_cast<size_t>(std::popcount(word));
  if (n <= kFew) {
    set->few.reserve(n);
    for (size_t i = 0; i < set->mask.size(); ++i) {
      for (uint64_t word = set->mask[i]; word != 0; word &= word - 1) {
        set->few.push_back(static_cast<TokenId>(64 * i + static_cast<size_t>(std::countr_zero(word))));
      }
    }
    set->mask = {};
  }
  mask_bytes_ +=
      sizeof(TokenSet) + set->few.capacity() * sizeof(TokenId) + set->mask.capacity() * sizeof(uint64_t);
  sets_[state] = std::move(set);
  return sets_[state].get();
}

void MaskCache::walk(const TokenTrie& trie, State start, std::vector<uint64_t>& mask) {
  const std::span<const TokenTrie::Node> nodes = trie.nodes();
  path_[0] = start;
  for (size_t i = 0; i < nodes.size();) {
    const TokenTrie::Node& node = nodes[i];
    const State state = automaton_.next(path_[node.depth - 1u], node.byte);
    if (state == Automaton::kDead) {
      i = node.end;
      continue;
    }
    path_[node.depth] = state;
    for (const TokenId id : trie.tokens_at(node)) set_bit(mask, id);
    ++i;
  }
}

// Whether any text of kMaxPlainCharacters plain characters may follow.
bool MaskCache::accepts_plain_text(State state) {
  // States that some text leads to; enough for counts of characters, which give one more with every step.
  constexpr size_t kMaxStates = 64;
  std::vector<State> reached = {state};
  size_t begin = 0;  // of those that were reached last
  for (int step = 0; step < TokenVocabulary::kMaxPlainCharacters && begin < reached.size(); ++step) {
    const size_t end = reached.size();
    for (; begin < end; ++begin) {
      if (!add_after_any_character(reached[begin], reached) || reached.size() > kMaxStates) return false;
    }
  }
  return true;
}

// Adds the states after every plain character; false if one of the characters is not allowed.
bool MaskCache::add_after_any_character(State state, std::vector<State>& out) {
  for (const auto& character : kPlainCharacters) {
    std::vector<State> states = {state}, after;
    for (size_t i = 0; i < character.length; ++i) {
      after.clear();
      for (const State from : states) {
        for (int byte = character.bytes[i].first; byte <= character.bytes[i].last; ++byte) {
          const State to = automaton_.next(from, static_cast<uint8_t>(byte));
          if (to == Automaton::kDead) return false;
          if (std::find(after.begin(), after.end(), to) == after.end()) after.push_back(to);
        }
      }
      states.swap(after);
    }
    for (const State to : states) {
      if (std::find(out.begin(), out.end(), to) == out.end()) out.push_back(to);
    }
  }
  return true;
}

State MaskCache::follow(State state, std::string_view bytes) {
  for (const char byte : bytes) {
    if (state == Automaton::kDead) break;
    state = automaton_.next(state, static_cast<uint8_t>(byte));
  }
  return state;
}

Result<State> MaskCache::next(State state, TokenId token) {
  automaton_.begin_work();
  const std::string_view bytes = vocabulary_->bytes_of(token);
  State to = bytes.empty() ? Automaton::kDead : follow(state, bytes);
  if (to == Automaton::kDead && vocabulary_->is_special(token)) {
    to = follow(state, fmt::format("{0}[{1}]{0}", kTokenMark, token));
  }
  if (automaton_.too_ambiguous()) return too_ambiguous();
  return to;
}

Result<State> MaskCache::next(State state, std::string_view bytes) {
  automaton_.begin_work();
  const State to = follow(state, bytes);
  if (automaton_.too_ambiguous()) return too_ambiguous();
  return to;
}

}  // namespace hearth::text::grammar
