// A grammar while it is being written down: named rules whose bodies are expressions over bytes. The readers
// of GBNF and of JSON Schema fill one; Grammar::compile turns it into a program.
//
// Expressions live in an arena and are named by number; one may be used in several places. Building never
// fails: what goes over the limits is remembered, and status() tells.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/grammar/code_points.h"

namespace hearth::text::grammar {

// What a grammar from outside may cost.
struct GrammarLimits {
  size_t max_source_bytes = size_t{1} << 20;  // of the GBNF or schema text
  size_t max_rules = 10'000;
  size_t max_expressions = 200'000;
  size_t max_instructions = 400'000;  // of the compiled program
  int max_depth = 100;                // nesting of groups, schemas and references that are merged
};

using ExpressionId = uint32_t;
using RuleId = uint32_t;

inline constexpr uint32_t kUnbounded = std::numeric_limits<uint32_t>::max();

// Special tokens are matched by identity, never by text: in the alphabet of a grammar one is its spelling
// between two of these bytes, which no UTF-8 text contains.
inline constexpr char kTokenMark = '\xFF';

struct Expression {
  enum class Kind : uint8_t {
    kBytes,     // exactly `bytes`
    kClass,     // one character of `characters`
    kSequence,  // all of `parts`; the empty text without any
    kChoice,    // one of `parts`
    kRepeat,    // parts[0], `min` to `max` times
    kRule,      // what `rule` says
  };
  Kind kind = Kind::kSequence;
  RuleId rule = 0;
  uint32_t min = 0, max = 0;
  std::string bytes{};
  CodePointSet characters{};
  std::vector<ExpressionId> parts{};
};

class Rules {
 public:
  explicit Rules(const GrammarLimits& limits = {}) : limits_(limits) {}

  // A rule may be used before it is defined.
  RuleId declare(std::string name);
  void define(RuleId rule, ExpressionId body);
  ExpressionId define_new(std::string name, ExpressionId body);  // declare, define, use

  ExpressionId empty() { return sequence({}); }
  ExpressionId bytes(std::string_view text);
  ExpressionId characters(CodePointSet set);
  ExpressionId sequence(std::vector<ExpressionId> parts);
  ExpressionId choice(std::vector<ExpressionId> parts);
  ExpressionId repeat(ExpressionId part, uint32_t min, uint32_t max = kUnbounded);
  ExpressionId optional(ExpressionId part) { return repeat(part, 0, 1); }
  ExpressionId use(RuleId rule);
  // The special token of this spelling.
  ExpressionId token(std::string_view spelling);

  const GrammarLimits& limits() const { return limits_; }
  size_t n_rules() const { return names_.size(); }
  const std::string& name(RuleId rule) const { return names_[rule]; }
  bool is_defined(RuleId rule) const { return bodies_[rule] != kUndefined; }
  ExpressionId body(RuleId rule) const { return bodies_[rule]; }
  const Expression& operator[](ExpressionId id) const { return expressions_[id]; }
  size_t n_expressions() const { return expressions_.size(); }
  const std::vector<std::string>& tokens() const { return tokens_; }

  // kInvalidArgument when a limit was passed.
  Status status() const;

 private:
  static constexpr ExpressionId kUndefined = std::numeric_limits<ExpressionId>::max();

  ExpressionId add(Expression expression);

  GrammarLimits limits_;
  std::vector<std::string> names_;
  std::vector<ExpressionId> bodies_;  // by rule
  std::vector<Expression> expressions_;
  std::vector<std::string> tokens_;  // spellings of the special tokens it names
  bool too_large_ = false;
};

}  // namespace hearth::text::grammar
