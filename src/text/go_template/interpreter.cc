#include "text/go_template/interpreter.h"

#include <algorithm>
#include <utility>

#include "text/go_template/chat_values.h"
#include "text/go_template/printing.h"
#include "text/go_template/record.h"

namespace hearth::text::go_template {

Interpreter::Interpreter(const Tree& tree, const TemplateLimits& limits, int64_t now_unix_seconds)
    : tree_(tree),
      budget_(limits),
      heap_(budget_),
      run_{budget_, heap_, now_unix_seconds},
      literals_(tree.literals) {}

PromptText Interpreter::run(const Value& context) {
  TextBuilder out(budget_);
  for (const Pass& pass : chat_passes(run_, context, tree_.reads("messages"))) {
    last_position_ = pass.is_open ? tree_.response_position : UINT32_MAX;
    variables_.clear();
    variables_.push_back({"$", pass.variables});
    execute(tree_.body, pass.variables, out);
  }
  MarkedText text = out.take();
  return PromptText{std::move(text.bytes), std::move(text.untrusted)};
}

Interpreter::Flow Interpreter::execute(const Body& body, const Datum& dot, TextBuilder& out) {
  for (const Statement* statement : body) {
    if (statement->position > last_position_) break;
    const Flow flow = execute(*statement, dot, out);
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Interpreter::Flow Interpreter::execute(const Statement& statement, const Datum& dot, TextBuilder& out) {
  Budget::Level level(budget_);
  budget_.spend();
  line_ = statement.line;
  switch (statement.kind) {
    case StatementKind::kText:
      out.append(statement.text, false);
      return Flow::kNext;
    case StatementKind::kAction: {
      const Datum value = evaluate(*statement.pipeline, dot);
      if (statement.pipeline->variables.empty()) print(run_, out, value);
      return Flow::kNext;
    }
    case StatementKind::kRange:
      return execute_range(statement, dot, out);
    case StatementKind::kTemplate:
      execute_template(statement, dot, out);
      return Flow::kNext;
    case StatementKind::kBreak:
      return Flow::kBreak;
    case StatementKind::kContinue:
      return Flow::kContinue;
    case StatementKind::kIf:
    case StatementKind::kWith:
      break;
  }
  const size_t variables = variables_.size();
  const Datum value = evaluate(*statement.pipeline, dot);
  const bool takes = truthy(value);
  const Datum& inner = takes && statement.kind == StatementKind::kWith ? value : dot;
  const Flow flow = execute(takes ? statement.body : statement.otherwise, inner, out);
  variables_.resize(variables);
  return flow;
}

Interpreter::Flow Interpreter::execute_range(const Statement& loop, const Datum& dot, TextBuilder& out) {
  const size_t outer = variables_.size();
  const Datum value = evaluate(*loop.pipeline, dot);
  const size_t inner = variables_.size();
  const std::vector<std::string>& names = loop.pipeline->variables;
  Flow flow = Flow::kNext;
  bool any = false;
  // False when the loop is left.
  const auto turn = [&](const Datum& key, const Datum& element) {
    budget_.spend();
    any = true;
    if (!names.empty()) variable(names.back()).value = element;
    if (names.size() > 1) variable(names.front()).value = key;
    flow = execute(loop.body, element, out);
    variables_.resize(inner);
    return flow != Flow::kBreak;
  };
  if (value.is(Kind::kList)) {
    for (size_t i = 0; i < value.items().size(); ++i) {
      if (!turn(Datum::integer(static_cast<int64_t>(i)), value.items()[i])) break;
    }
  } else if (value.is(Kind::kDict)) {
    for (const auto& [key, item] : value.dict().entries) {
      if (!turn(key, item)) break;
    }
  } else if (value.is(Kind::kInteger)) {
    for (int64_t i = 0; i < value.integer(); ++i) {
      if (!turn(Datum::integer(i), Datum::integer(i))) break;
    }
  } else if (!value.is_none()) {
    give_up("range cannot walk through {}", described(value));
  }
  if (!any) flow = execute(loop.otherwise, dot, out);
  variables_.resize(outer);
  return any ? Flow::kNext : flow;
}

void Interpreter::execute_template(const Statement& call, const Datum& dot, TextBuilder& out) {
  const Datum value = call.pipeline == nullptr ? Datum::none() : evaluate(*call.pipeline, dot);
  const uint32_t last_position = std::exchange(last_position_, UINT32_MAX);
  std::vector<Variable> outer = std::exchange(variables_, {{"$", value}});
  execute(tree_.definitions.find(call.text)->second, value, out);
  variables_ = std::move(outer);
  last_position_ = last_position;
}

Datum Interpreter::evaluate(const Pipeline& pipeline, const Datum& dot) {
  Budget::Level level(budget_);
  Datum value;
  for (size_t i = 0; i < pipeline.commands.size(); ++i) {
    value = evaluate(pipeline.commands[i], dot, i == 0 ? nullptr : &value);
  }
  for (const std::string& name : pipeline.variables) {
    if (pipeline.assigns) {
      variable(name).value = value;
    } else {
      variables_.push_back({name, value});
    }
  }
  return value;
}

Datum Interpreter::evaluate(const Command& command, const Datum& dot, const Datum* piped) {
  line_ = command[0]->line;
  if (command[0]->kind != ExpressionKind::kFunction) return evaluate(*command[0], dot);
  return call(*command[0]->function, command, dot, piped);
}

Datum Interpreter::call(const Function& function, const Command& command, const Datum& dot,
                        const Datum* piped) {
  const size_t count = command.size() - 1 + (piped != nullptr ? 1 : 0);
  if (count < function.min_arguments || count > function.max_arguments) {
    give_up("{} was called with {} arguments", function.name, count);
  }
  budget_.hold_container(count, sizeof(Datum));
  std::vector<Datum> arguments;
  for (size_t i = 0; i < count; ++i) {
    arguments.push_back(i + 1 < command.size() ? evaluate(*command[i + 1], dot) : *piped);
    if (function.call == nullptr && truthy(arguments.back()) == function.stops_at) break;
  }
  return function.call == nullptr ? arguments.back() : function.call(run_, arguments);
}

Datum Interpreter::evaluate(const Expression& expression, const Datum& dot) {
  Budget::Level level(budget_);
  budget_.spend();
  line_ = expression.line;
  Datum value;
  switch (expression.kind) {
    case ExpressionKind::kNil:
      return Datum::none();
    case ExpressionKind::kBool:
      return Datum::boolean(expression.integer != 0);
    case ExpressionKind::kInteger:
      return Datum::integer(expression.integer);
    case ExpressionKind::kFloat:
      return Datum::real(expression.real);
    case ExpressionKind::kString: {
      Datum& literal = literals_[expression.literal];
      if (!literal.is_string()) literal = heap_.text(expression.text);
      return literal;
    }
    case ExpressionKind::kFunction:
      return call(*expression.function, {&expression}, dot, nullptr);
    case ExpressionKind::kDot:
    case ExpressionKind::kField:
      value = dot;
      break;
    case ExpressionKind::kVariable:
      value = variable(expression.text).value;
      break;
    case ExpressionKind::kPipeline:
      value = evaluate(*expression.pipeline, dot);
      break;
  }
  for (const std::string& name : expression.path) value = field(run_, value, name);
  return value;
}

Interpreter::Variable& Interpreter::variable(std::string_view name) {
  budget_.spend(variables_.size() / 32);
  const auto found = std::find_if(variables_.rbegin(), variables_.rend(),
                                  [&](const Variable& variable) { return variable.name == name; });
  // The parser has seen a declaration, which may stand in a branch that was not taken.
  if (found == variables_.rend()) give_up("the variable {} has no value here", name);
  return *found;
}

}  // namespace hearth::text::go_template
