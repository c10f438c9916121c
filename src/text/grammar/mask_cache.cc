#include "text/grammar/mask_cache.h"

#include <algorithm>
#include <bit>

namespace hearth::text::grammar {
namespace {

using State = Automaton::State;

// Sets of up to this many tokens are kept as a list.
constexpr size_t kFew = 1024;

// As far as it is looked ahead for characters of a kind, and the states that may take.
constexpr int kMostCharacters = 32;
constexpr size_t kMaxKindStates = 64;
constexpr uint8_t kUnknownReach = 0xFF;

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
              "the grammar is too ambiguous: the answer so far can go on in more than {} ways",
              Automaton::kMaxPairs);
}

void set_bit(std::vector<uint64_t>& mask, TokenId id) {
  mask[static_cast<size_t>(id) / 64] |= uint64_t{1} << (static_cast<size_t>(id) % 64);
}

}  // namespace

MaskCache::MaskCache(std::shared_ptr<const Grammar> grammar,
                     std::shared_ptr<const TokenVocabulary> vocabulary)
    : vocabulary_(std::move(vocabulary)),
      automaton_(std::move(grammar)),
      path_(TokenVocabulary::kMaxTokenBytes + 1) {
  for (int kind = 0; kind < kCharacterKinds; ++kind) {
    std::vector<bool> has_class(automaton_.n_byte_classes());
    for (int byte = 0; byte < 128; ++byte) {
      const uint8_t byte_class = automaton_.byte_class(static_cast<uint8_t>(byte));
      if (!is_of_kind(kind, static_cast<uint8_t>(byte)) || has_class[byte_class]) continue;
      has_class[byte_class] = true;
      samples_[static_cast<size_t>(kind)].push_back(static_cast<uint8_t>(byte));
    }
  }
}

Result<const TokenSet*> MaskCache::allowed(State state) {
  if (automaton_.starts_too_ambiguous()) return too_ambiguous();
  automaton_.begin_work();
  state = automaton_.canonical(state, vocabulary_->longest_token_bytes());
  if (sets_.size() <= state) sets_.resize(state + 1);
  if (sets_[state]) return sets_[state].get();

  auto set = std::make_unique<TokenSet>();
  if (const int n = plain_characters(state); n >= 0) {
    const auto plain = vocabulary_->plain_mask(n);
    set->mask.assign(plain.begin(), plain.end());
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
    if (takes_all_below(trie, i, state)) {
      for (const TokenId id : trie.tokens_under(i)) set_bit(mask, id);
      i = node.end;
      continue;
    }
    for (const TokenId id : trie.tokens_at(node)) set_bit(mask, id);
    ++i;
  }
}

// How many plain characters may follow, whatever they are; no other text of plain characters may. -1 where it
// is not as simple as that.
int MaskCache::plain_characters(State state) {
  // States that some text leads to; enough for counts of characters, which give one more with every step.
  constexpr size_t kMaxStates = 64;
  std::vector<State> reached = {state}, last = {state};
  for (int n = 0; n < TokenVocabulary::kMaxPlainCharacters; ++n) {
    std::vector<State> after;
    bool all = true;
    for (const State from : last) all = all && add_after_any_character(from, after);
    if (!all) {
      const bool none =
          std::all_of(last.begin(), last.end(), [&](State from) { return rejects_any_character(from); });
      return none ? n : -1;
    }
    const size_t n_before = reached.size();
    for (const State to : after) {
      if (std::find(reached.begin(), reached.end(), to) == reached.end()) reached.push_back(to);
    }
    if (reached.size() == n_before) break;  // nothing new: it goes on like this
    if (reached.size() > kMaxStates) return -1;
    last = std::move(after);
  }
  return TokenVocabulary::kMaxPlainCharacters;
}

// Whether no plain character may follow.
bool MaskCache::rejects_any_character(State state) {
  return std::all_of(std::begin(kPlainCharacters), std::end(kPlainCharacters), [&](const auto& character) {
    for (int byte = character.bytes[0].first; byte <= character.bytes[0].last; ++byte) {
      if (automaton_.next(state, static_cast<uint8_t>(byte)) != Automaton::kDead) return false;
    }
    return true;
  });
}

// Whether every token below a node of the trie may come: those below are of one kind of characters, and in
// this state as many of the kind may follow as the longest of them has. A look at one node in place of all.
bool MaskCache::takes_all_below(const TokenTrie& trie, size_t node, State state) {
  const int height = trie.height(node);
  if (height == 0 || height > kMostCharacters) return false;
  for (int kind = 0; kind < kCharacterKinds; ++kind) {
    if ((trie.nodes()[node].kinds >> kind & 1) != 0 && characters_of_kind(state, kind) >= height) return true;
  }
  return false;
}

int MaskCache::characters_of_kind(State state, int kind) {
  if (reach_.size() <= state) {
    Reach unknown;
    unknown.fill(kUnknownReach);
    reach_.resize(std::max<size_t>(state + 1, 2 * reach_.size()), unknown);
  }
  if (const uint8_t known = reach_[state][static_cast<size_t>(kind)]; known != kUnknownReach) return known;
  return reach_[state][static_cast<size_t>(kind)] =
             static_cast<uint8_t>(count_characters(state, samples_[static_cast<size_t>(kind)]));
}

// How many bytes may follow, whichever of `samples` they are.
int MaskCache::count_characters(State state, std::span<const uint8_t> samples) {
  std::vector<State> reached = {state};
  size_t begin = 0;  // of those that were reached last
  for (int n = 0; n < kMostCharacters; ++n) {
    const size_t end = reached.size();
    if (begin == end) break;  // nothing new: it goes on like this
    for (; begin < end; ++begin) {
      for (const uint8_t byte : samples) {
        const State to = automaton_.next(reached[begin], byte);
        if (to == Automaton::kDead) return n;
        if (std::find(reached.begin(), reached.end(), to) == reached.end()) reached.push_back(to);
      }
    }
    if (reached.size() > kMaxKindStates) return n + 1;
  }
  return kMostCharacters;
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
