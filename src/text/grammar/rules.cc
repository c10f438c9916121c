#include "text/grammar/rules.h"

#include <algorithm>

namespace hearth::text::grammar {

RuleId Rules::declare(std::string name) {
  if (names_.size() >= limits_.max_rules) {
    too_large_ = true;
    return 0;
  }
  names_.push_back(std::move(name));
  bodies_.push_back(kUndefined);
  return static_cast<RuleId>(names_.size() - 1);
}

void Rules::define(RuleId rule, ExpressionId body) {
  bodies_[rule] = body;
}

ExpressionId Rules::define_new(std::string name, ExpressionId body) {
  const RuleId rule = declare(std::move(name));
  define(rule, body);
  return use(rule);
}

ExpressionId Rules::add(Expression expression) {
  if (expressions_.size() >= limits_.max_expressions) {
    too_large_ = true;
    return 0;
  }
  expressions_.push_back(std::move(expression));
  return static_cast<ExpressionId>(expressions_.size() - 1);
}

ExpressionId Rules::bytes(std::string_view text) {
  if (text.empty()) return empty();
  Expression expression{.kind = Expression::Kind::kBytes};
  expression.bytes = text;
  return add(std::move(expression));
}

ExpressionId Rules::characters(CodePointSet set) {
  Expression expression{.kind = Expression::Kind::kClass};
  expression.characters = std::move(set);
  return add(std::move(expression));
}

ExpressionId Rules::sequence(std::vector<ExpressionId> parts) {
  if (parts.size() == 1) return parts.front();
  Expression expression{.kind = Expression::Kind::kSequence};
  expression.parts = std::move(parts);
  return add(std::move(expression));
}

ExpressionId Rules::choice(std::vector<ExpressionId> parts) {
  if (parts.size() == 1) return parts.front();
  Expression expression{.kind = Expression::Kind::kChoice};
  expression.parts = std::move(parts);
  return add(std::move(expression));
}

ExpressionId Rules::repeat(ExpressionId part, uint32_t min, uint32_t max) {
  if (min == 1 && max == 1) return part;
  if (max == 0) return empty();
  Expression expression{.kind = Expression::Kind::kRepeat, .min = min, .max = max};
  expression.parts = {part};
  return add(std::move(expression));
}

ExpressionId Rules::use(RuleId rule) {
  return add({.kind = Expression::Kind::kRule, .rule = rule});
}

ExpressionId Rules::token(std::string_view spelling) {
  if (std::find(tokens_.begin(), tokens_.end(), spelling) == tokens_.end()) tokens_.emplace_back(spelling);
  return bytes(std::string(1, kTokenMark).append(spelling) + kTokenMark);
}

Status Rules::status() const {
  if (!too_large_) return {};
  return fail(ErrorCategory::kInvalidArgument,
              "the grammar is too large (at most {} rules and {} expressions)", limits_.max_rules,
              limits_.max_expressions);
}

}  // namespace hearth::text::grammar
