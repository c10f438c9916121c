// The source of a grammar, GBNF or (where it begins with a brace or a bracket) a JSON schema, a zero byte,
// and a text. Whatever happens must stay within the limits; a state that is alive has a next byte or is
// complete.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "fuzz_target.h"
#include "text/grammar/automaton.h"
#include "text/grammar/json_schema.h"

using hearth::text::grammar::Automaton;
using hearth::text::grammar::Grammar;
using hearth::text::grammar::GrammarLimits;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t zero = input.find('\0');
  const std::string_view source = input.substr(0, zero);
  const std::string_view text = zero == input.npos ? std::string_view() : input.substr(zero + 1);
  GrammarLimits limits;
  limits.max_rules = 500;
  limits.max_expressions = 5'000;
  limits.max_instructions = 10'000;
  const bool schema = !source.empty() && (source[0] == '{' || source[0] == '[');
  const auto grammar = schema ? hearth::text::grammar::json_schema_grammar(source, {.limits = limits})
                              : Grammar::from_gbnf(source, limits);
  if (!grammar) {
    if (grammar.error().message.empty()) std::abort();
    return 0;
  }
  Automaton automaton(*grammar);
  Automaton::State state = automaton.start();
  size_t left = 200;
  const auto step = [&](uint8_t byte) {
    const Automaton::State next = automaton.next(state, byte);
    if (automaton.too_ambiguous() || next == Automaton::kDead) return false;
    if (automaton.canonical(next, 40) == Automaton::kDead && !automaton.too_ambiguous()) std::abort();
    state = next;
    return true;
  };
  for (const char c : text.substr(0, 200)) {
    if (!step(static_cast<uint8_t>(c))) break;
  }
  // Then any way on: there must be one.
  while (left-- > 0 && !automaton.is_complete(state)) {
    if (automaton.too_ambiguous()) return 0;
    int byte = 0;
    while (byte < 256 && !step(static_cast<uint8_t>((byte + static_cast<int>(left) * 37) % 256))) ++byte;
    if (byte == 256 && !automaton.too_ambiguous()) std::abort();
  }
  return 0;
}
