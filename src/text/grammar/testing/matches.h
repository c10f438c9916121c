// Whole texts against a grammar, for tests.
#pragma once

#include <string_view>

#include "text/grammar/automaton.h"

namespace hearth::text::grammar::testing {

enum class Match { kNo, kBeginning, kWhole };

inline Match match(const std::shared_ptr<const Grammar>& grammar, std::string_view text) {
  Automaton automaton(grammar);
  Automaton::State state = automaton.start();
  for (const char c : text) {
    state = automaton.next(state, static_cast<uint8_t>(c));
    if (state == Automaton::kDead) return Match::kNo;
  }
  return automaton.is_complete(state) ? Match::kWhole : Match::kBeginning;
}

}  // namespace hearth::text::grammar::testing
