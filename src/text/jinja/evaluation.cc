// Expressions.
#include <algorithm>

#include "text/jinja/interpreter.h"
#include "text/jinja/operations.h"
#include "text/jinja/printing.h"

namespace hearth::text::jinja {

Datum Interpreter::evaluate(const Expression& expression) {
  budget_.spend();
  switch (expression.kind) {  // leaves need no guard
    case ExpressionKind::kString: {
      Datum& literal = literals_[expression.literal];
      if (literal.is_undefined()) literal = heap_.text(expression.name);
      return literal;
    }
    case ExpressionKind::kInteger:
      return Datum::integer(expression.integer);
    case ExpressionKind::kFloat:
      return Datum::real(expression.real);
    case ExpressionKind::kBool:
      return Datum::boolean(expression.integer != 0);
    case ExpressionKind::kNone:
      return Datum::none();
    case ExpressionKind::kVariable: {
      Datum value = lookup(expression.symbol);
      if (!value.is_undefined()) return value;
      if (value.hint() != &tree_.names[expression.symbol]) return value;  // holds an undefined value
      return global_function(*this, tree_.names[expression.symbol]).value_or(value);
    }
    default:
      break;
  }
  Budget::Level level(budget_);
  line_ = expression.line;
  return evaluate_node(expression);
}

Datum Interpreter::evaluate_node(const Expression& expression) {
  auto operand = [&](size_t i) { return evaluate(*expression.operands[i]); };
  switch (expression.kind) {
    case ExpressionKind::kList:
    case ExpressionKind::kTuple: {
      std::vector<Datum> items;
      for (const Expression* item : expression.operands) items.push_back(evaluate(*item));
      return expression.kind == ExpressionKind::kList ? heap_.list(std::move(items))
                                                      : heap_.tuple(std::move(items));
    }
    case ExpressionKind::kDict: {
      Datum dict = heap_.dict();
      for (size_t i = 0; i + 1 < expression.operands.size(); i += 2) {
        Datum key = operand(i);
        heap_.set(dict.dict(), std::move(key), operand(i + 1));
      }
      return dict;
    }
    case ExpressionKind::kAttribute:
      return attribute(*this, operand(0), expression.name);
    case ExpressionKind::kSubscript: {
      Datum object = operand(0);
      return subscript(*this, object, operand(1));
    }
    case ExpressionKind::kSlice:
      return evaluate_slice(expression);
    case ExpressionKind::kCall:
      return evaluate_call(expression, nullptr);
    case ExpressionKind::kFilter:
      return evaluate_filter(expression, nullptr);
    case ExpressionKind::kTest: {
      Datum value = operand(0);
      Arguments arguments = evaluate_arguments(expression.arguments);
      return Datum::boolean(apply_test(expression.name, value, arguments));
    }
    case ExpressionKind::kNot:
      return Datum::boolean(!truthy(operand(0)));
    case ExpressionKind::kNegate:
      return negate(operand(0));
    case ExpressionKind::kPlus: {
      Datum value = operand(0);
      if (value.is_undefined()) fail_undefined(value);
      if (!value.is_number()) give_up("'+' needs a number, not {}", type_name(value));
      return value;
    }
    case ExpressionKind::kAnd:
    case ExpressionKind::kOr: {
      bool stop_at = expression.kind == ExpressionKind::kOr;
      Datum value = operand(0);
      for (size_t i = 1; i < expression.operands.size() && truthy(value) != stop_at; ++i) value = operand(i);
      return value;
    }
    case ExpressionKind::kArithmetic: {
      Datum value = operand(0);
      for (size_t i = 1; i < expression.operands.size(); ++i) {
        value = arithmetic(*this, expression.operators[i - 1], value, operand(i));
      }
      return value;
    }
    case ExpressionKind::kConcat:
      return evaluate_concat(expression);
    case ExpressionKind::kCompare:
      return evaluate_compare(expression);
    case ExpressionKind::kCondition:
      if (truthy(operand(0))) return operand(1);
      return expression.operands[2] == nullptr ? Datum() : operand(2);
    default:
      return Datum();
  }
}

Datum Interpreter::evaluate_slice(const Expression& expression) {
  Datum parts[4];
  for (size_t i = 0; i < 4; ++i) {
    parts[i] = expression.operands[i] == nullptr ? Datum::none() : evaluate(*expression.operands[i]);
  }
  return slice(*this, parts[0], parts[1], parts[2], parts[3]);
}

Datum Interpreter::evaluate_concat(const Expression& expression) {
  std::vector<Datum> parts;
  for (const Expression* part : expression.operands) parts.push_back(evaluate(*part));
  TextBuilder out(budget_);
  for (const Datum& part : parts) print(*this, out, part);
  return heap_.text(out.take());
}

Datum Interpreter::evaluate_compare(const Expression& expression) {
  Datum left = evaluate(*expression.operands[0]);
  for (size_t i = 0; i < expression.operators.size(); ++i) {
    Datum right = evaluate(*expression.operands[i + 1]);
    bool holds = false;
    switch (expression.operators[i]) {
      case Operator::kEqual:
        holds = equal(*this, left, right);
        break;
      case Operator::kNotEqual:
        holds = !equal(*this, left, right);
        break;
      case Operator::kLess:
        holds = compare(*this, left, right) < 0;
        break;
      case Operator::kLessEqual:
        holds = compare(*this, left, right) <= 0;
        break;
      case Operator::kGreater:
        holds = compare(*this, left, right) > 0;
        break;
      case Operator::kGreaterEqual:
        holds = compare(*this, left, right) >= 0;
        break;
      case Operator::kIn:
        holds = contains(*this, right, left);
        break;
      case Operator::kNotIn:
        holds = !contains(*this, right, left);
        break;
      default:
        break;
    }
    if (!holds) return Datum::boolean(false);
    left = std::move(right);
  }
  return Datum::boolean(true);
}

Arguments Interpreter::evaluate_arguments(const std::vector<ArgumentSyntax>& syntax) {
  Arguments arguments;
  for (const ArgumentSyntax& argument : syntax) {
    Datum value = evaluate(*argument.value);
    switch (argument.form) {
      case ArgumentSyntax::Form::kPositional:
        arguments.positional.push_back(std::move(value));
        break;
      case ArgumentSyntax::Form::kNamed:
        arguments.named.emplace_back(argument.name, std::move(value));
        break;
      case ArgumentSyntax::Form::kSpread:
        for (Datum& item : iterate(*this, value)) arguments.positional.push_back(std::move(item));
        break;
      case ArgumentSyntax::Form::kNamedSpread:
        if (!value.is(Kind::kDict)) give_up("'**' needs a mapping, not {}", type_name(value));
        for (const auto& [key, item] : value.dict().entries) {
          if (!key.is_string()) give_up("named arguments need strings as names");
          arguments.named.emplace_back(key.bytes(), item);
        }
        break;
    }
  }
  return arguments;
}

Datum Interpreter::evaluate_call(const Expression& expression, const Datum* caller) {
  Datum callee = evaluate(*expression.operands[0]);
  Arguments arguments = evaluate_arguments(expression.arguments);
  if (caller != nullptr) arguments.named.emplace_back("caller", *caller);
  line_ = expression.line;
  return call(callee, arguments);
}

Datum Interpreter::call(const Datum& callee, Arguments& arguments) {
  if (callee.is_undefined()) fail_undefined(callee);
  if (!callee.is(Kind::kCallable) && !callee.is(Kind::kLoop))
    give_up("{} cannot be called", type_name(callee));
  return callee.callable().call(*this, arguments);
}

Datum Interpreter::evaluate_filter(const Expression& expression, const Datum* block) {
  Budget::Level level(budget_);
  Datum value;
  if (expression.operands.empty()) {
    if (block != nullptr) value = *block;
  } else if (expression.operands[0]->kind == ExpressionKind::kFilter) {
    value = evaluate_filter(*expression.operands[0], block);
  } else {
    value = evaluate(*expression.operands[0]);
  }
  Arguments arguments = evaluate_arguments(expression.arguments);
  line_ = expression.line;
  return apply_filter(expression.name, value, arguments);
}

Datum Interpreter::apply_filter(std::string_view name, const Datum& value, Arguments& arguments) {
  Filter filter = find_filter(name);
  if (filter == nullptr) give_up("no filter named '{}'", name);
  budget_.spend();
  Budget::Level level(budget_);
  return filter(*this, value, arguments);
}

bool Interpreter::apply_test(std::string_view name, const Datum& value, Arguments& arguments) {
  Test test = find_test(name);
  if (test == nullptr) give_up("no test named '{}'", name);
  budget_.spend();
  return test(*this, value, arguments);
}

}  // namespace hearth::text::jinja
