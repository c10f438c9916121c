#include <fmt/format.h>

#include <algorithm>

#include "text/jinja/parser.h"

namespace hearth::text::jinja {

namespace {

Operator operator_of(std::string_view spelling) {
  static constexpr std::pair<std::string_view, Operator> kTable[] = {
      {"+", Operator::kAdd},          {"-", Operator::kSubtract},     {"*", Operator::kMultiply},
      {"/", Operator::kDivide},       {"//", Operator::kFloorDivide}, {"%", Operator::kModulo},
      {"**", Operator::kPower},       {"==", Operator::kEqual},       {"!=", Operator::kNotEqual},
      {"<", Operator::kLess},         {"<=", Operator::kLessEqual},   {">", Operator::kGreater},
      {">=", Operator::kGreaterEqual}};
  for (auto [text, op] : kTable) {
    if (text == spelling) return op;
  }
  return Operator::kEqual;
}

bool is_one_of(const Token& token, std::initializer_list<std::string_view> spellings) {
  return token.kind == TokenKind::kOperator &&
         std::find(spellings.begin(), spellings.end(), token.text) != spellings.end();
}

}  // namespace

ExpressionParser::Level::Level(ExpressionParser& parser) : parser_(parser) {
  if (parser_.depth_ >= parser_.max_depth_) parser_.cursor_.fail("the template nests too deep");
  ++parser_.depth_;
}

Expression& ExpressionParser::make(ExpressionKind kind) {
  Expression& node = tree_.expressions.emplace_back();
  node.kind = kind;
  node.line = cursor_.current().line;
  return node;
}

const Expression* ExpressionParser::finish(Expression& node) {
  for (const Expression* operand : node.operands) {
    if (operand != nullptr) node.depth = std::max(node.depth, operand->depth + 1);
  }
  for (const ArgumentSyntax& argument : node.arguments)
    node.depth = std::max(node.depth, argument.value->depth + 1);
  if (node.depth > max_depth_) cursor_.fail("the template nests too deep");
  return &node;
}

const Expression* ExpressionParser::unary_of(ExpressionKind kind, const Expression* operand) {
  Expression& node = make(kind);
  node.operands = {operand};
  return finish(node);
}

const Expression* ExpressionParser::condition() {
  Level level(*this);
  const Expression* value = either();
  while (cursor_.skip_name("if")) {
    Expression& node = make(ExpressionKind::kCondition);
    ++conditional;
    const Expression* test = either();
    const Expression* otherwise = cursor_.skip_name("else") ? condition() : nullptr;
    --conditional;
    node.operands = {test, value, otherwise};
    value = finish(node);
  }
  return value;
}

const Expression* ExpressionParser::either() {
  const Expression* first = both();
  if (!cursor_.current().is_name("or")) return first;
  Expression& node = make(ExpressionKind::kOr);
  node.operands = {first};
  while (cursor_.skip_name("or")) node.operands.push_back(both());
  return finish(node);
}

const Expression* ExpressionParser::both() {
  const Expression* first = negation();
  if (!cursor_.current().is_name("and")) return first;
  Expression& node = make(ExpressionKind::kAnd);
  node.operands = {first};
  while (cursor_.skip_name("and")) node.operands.push_back(negation());
  return finish(node);
}

const Expression* ExpressionParser::negation() {
  if (!cursor_.current().is_name("not")) return comparison();
  Level level(*this);
  cursor_.next();
  return unary_of(ExpressionKind::kNot, negation());
}

const Expression* ExpressionParser::comparison() {
  const Expression* first = sum();
  Expression* node = nullptr;
  for (;;) {
    Operator op;
    const Token& token = cursor_.current();
    if (is_one_of(token, {"==", "!=", "<", "<=", ">", ">="})) {
      op = operator_of(cursor_.next().text);
    } else if (token.is_name("in")) {
      cursor_.next();
      op = Operator::kIn;
    } else if (token.is_name("not") && cursor_.ahead().is_name("in")) {
      cursor_.next();
      cursor_.next();
      op = Operator::kNotIn;
    } else {
      return node == nullptr ? first : finish(*node);
    }
    if (node == nullptr) {
      node = &make(ExpressionKind::kCompare);
      node->operands = {first};
    }
    node->operators.push_back(op);
    node->operands.push_back(sum());
  }
}

const Expression* ExpressionParser::chain(ExpressionKind kind, Parse part,
                                          std::initializer_list<std::string_view> spellings) {
  const Expression* first = (this->*part)();
  if (!is_one_of(cursor_.current(), spellings)) return first;
  Expression& node = make(kind);
  node.operands = {first};
  while (is_one_of(cursor_.current(), spellings)) {
    node.operators.push_back(operator_of(cursor_.next().text));
    node.operands.push_back((this->*part)());
  }
  return finish(node);
}

const Expression* ExpressionParser::sum() {
  return chain(ExpressionKind::kArithmetic, &ExpressionParser::concatenation, {"+", "-"});
}
const Expression* ExpressionParser::concatenation() {
  return chain(ExpressionKind::kConcat, &ExpressionParser::product, {"~"});
}
const Expression* ExpressionParser::product() {
  return chain(ExpressionKind::kArithmetic, &ExpressionParser::power, {"*", "/", "//", "%"});
}
const Expression* ExpressionParser::power() {
  return chain(ExpressionKind::kArithmetic, &ExpressionParser::unary_with_filters, {"**"});
}

const Expression* ExpressionParser::unary(bool with_filters) {
  Level level(*this);
  const Expression* node;
  if (cursor_.skip_operator("-")) {
    node = unary_of(ExpressionKind::kNegate, unary(false));
  } else if (cursor_.skip_operator("+")) {
    node = unary_of(ExpressionKind::kPlus, unary(false));
  } else {
    node = primary();
  }
  node = postfix(node);
  return with_filters ? filters_and_tests(node) : node;
}

const Expression* ExpressionParser::primary() {
  const Token& token = cursor_.current();
  switch (token.kind) {
    case TokenKind::kName: {
      if (token.text == "true" || token.text == "True" || token.text == "false" || token.text == "False") {
        Expression& node = make(ExpressionKind::kBool);
        node.integer = (token.text[0] | 0x20) == 't';
        cursor_.next();
        return &node;
      }
      if (token.text == "none" || token.text == "None") {
        Expression& node = make(ExpressionKind::kNone);
        cursor_.next();
        return &node;
      }
      Expression& node = make(ExpressionKind::kVariable);
      node.symbol = tree_.symbol(token.text);
      variables_read.push_back(node.symbol);
      cursor_.next();
      return &node;
    }
    case TokenKind::kString: {
      Expression& node = make(ExpressionKind::kString);
      node.literal = tree_.literals++;
      while (cursor_.current().kind == TokenKind::kString) node.name += cursor_.next().text;
      return &node;
    }
    case TokenKind::kInteger: {
      Expression& node = make(ExpressionKind::kInteger);
      node.integer = cursor_.next().integer;
      return &node;
    }
    case TokenKind::kFloat: {
      Expression& node = make(ExpressionKind::kFloat);
      node.real = cursor_.next().real;
      return &node;
    }
    case TokenKind::kOperator:
      if (token.text == "(") return parenthesized();
      if (token.text == "[") return list();
      if (token.text == "{") return dict();
      break;
    default:
      break;
  }
  cursor_.fail(fmt::format("expected a value, found {}", cursor_.describe_current()));
}

const Expression* ExpressionParser::parenthesized() {
  cursor_.expect_operator("(");
  if (cursor_.skip_operator(")")) return &make(ExpressionKind::kTuple);
  const Expression* inner = tuple();
  cursor_.expect_operator(")");
  return inner;
}

const Expression* ExpressionParser::tuple(bool in_for) {
  auto item = [&] { return in_for ? either() : condition(); };
  auto at_end = [&] {
    const Token& token = cursor_.current();
    return token.kind == TokenKind::kVariableEnd || token.kind == TokenKind::kBlockEnd ||
           token.is_operator(")") || (in_for && (token.is_name("if") || token.is_name("recursive")));
  };
  const Expression* first = item();
  if (!cursor_.current().is_operator(",")) return first;
  Expression& node = make(ExpressionKind::kTuple);
  node.operands = {first};
  while (cursor_.skip_operator(",") && !at_end()) node.operands.push_back(item());
  return finish(node);
}

const Expression* ExpressionParser::list() {
  Expression& node = make(ExpressionKind::kList);
  cursor_.expect_operator("[");
  while (!cursor_.current().is_operator("]")) {
    node.operands.push_back(condition());
    if (!cursor_.skip_operator(",")) break;
  }
  cursor_.expect_operator("]");
  return finish(node);
}

const Expression* ExpressionParser::dict() {
  Expression& node = make(ExpressionKind::kDict);
  cursor_.expect_operator("{");
  while (!cursor_.current().is_operator("}")) {
    node.operands.push_back(condition());
    cursor_.expect_operator(":");
    node.operands.push_back(condition());
    if (!cursor_.skip_operator(",")) break;
  }
  cursor_.expect_operator("}");
  return finish(node);
}

const Expression* ExpressionParser::postfix(const Expression* node) {
  for (;;) {
    if (cursor_.current().is_operator(".") || cursor_.current().is_operator("[")) {
      node = subscript(node);
    } else if (cursor_.current().is_operator("(")) {
      node = call(node);
    } else {
      return node;
    }
  }
}

const Expression* ExpressionParser::filters_and_tests(const Expression* node) {
  for (;;) {
    if (cursor_.skip_operator("|")) {
      node = filter(node);
    } else if (cursor_.skip_name("is")) {
      node = test(node);
    } else if (cursor_.current().is_operator("(")) {
      node = call(node);
    } else {
      return node;
    }
  }
}

const Expression* ExpressionParser::subscript(const Expression* object) {
  if (cursor_.skip_operator(".")) {
    if (cursor_.current().kind == TokenKind::kInteger) {
      Expression& node = make(ExpressionKind::kSubscript);
      Expression& index = make(ExpressionKind::kInteger);
      index.integer = cursor_.next().integer;
      node.operands = {object, &index};
      return finish(node);
    }
    Expression& node = make(ExpressionKind::kAttribute);
    node.name = cursor_.expect_any_name("an attribute");
    node.operands = {object};
    return finish(node);
  }
  cursor_.expect_operator("[");
  const Expression* node = subscript_index(object);
  cursor_.expect_operator("]");
  return node;
}

const Expression* ExpressionParser::subscript_index(const Expression* object) {
  const Expression* start = nullptr;
  if (!cursor_.current().is_operator(":")) {
    Expression& node = make(ExpressionKind::kSubscript);
    start = tuple();
    if (!cursor_.current().is_operator(":")) {
      node.operands = {object, start};
      return finish(node);
    }
  }
  Expression& node = make(ExpressionKind::kSlice);
  node.operands = {object, start, nullptr, nullptr};
  for (size_t part = 2; part < 4 && cursor_.skip_operator(":"); ++part) {
    if (!cursor_.current().is_operator(":") && !cursor_.current().is_operator("]")) {
      node.operands[part] = condition();
    }
  }
  return finish(node);
}

const Expression* ExpressionParser::call(const Expression* callee) {
  Expression& node = make(ExpressionKind::kCall);
  node.operands = {callee};
  cursor_.expect_operator("(");
  node.arguments = arguments();
  return finish(node);
}

std::vector<ArgumentSyntax> ExpressionParser::arguments() {
  std::vector<ArgumentSyntax> result;
  while (!cursor_.current().is_operator(")")) {
    ArgumentSyntax& argument = result.emplace_back();
    if (cursor_.skip_operator("*")) {
      argument.form = ArgumentSyntax::Form::kSpread;
    } else if (cursor_.skip_operator("**")) {
      argument.form = ArgumentSyntax::Form::kNamedSpread;
    } else if (cursor_.current().kind == TokenKind::kName && cursor_.ahead().is_operator("=")) {
      argument.form = ArgumentSyntax::Form::kNamed;
      argument.name = cursor_.next().text;
      cursor_.next();
    } else if (result.size() > 1 && (result[result.size() - 2].form == ArgumentSyntax::Form::kNamed ||
                                     result[result.size() - 2].form == ArgumentSyntax::Form::kNamedSpread)) {
      cursor_.fail("a positional argument follows a named one");
    }
    argument.value = condition();
    if (!cursor_.skip_operator(",")) break;
  }
  cursor_.expect_operator(")");
  return result;
}

std::string ExpressionParser::dotted_name(std::string_view what) {
  std::string name = cursor_.expect_any_name(what);
  while (cursor_.skip_operator(".")) name += "." + cursor_.expect_any_name(what);
  return name;
}

const Expression* ExpressionParser::filter(const Expression* value) {
  Expression& node = make(ExpressionKind::kFilter);
  node.name = dotted_name("a filter");
  if (conditional == 0 && !known_.is_filter(node.name))
    cursor_.fail(fmt::format("no filter named '{}'", node.name));
  if (value != nullptr) node.operands = {value};
  if (cursor_.skip_operator("(")) node.arguments = arguments();
  return finish(node);
}

const Expression* ExpressionParser::filters_of_block(bool first_without_bar) {
  const Expression* node = nullptr;
  if (first_without_bar) node = filter(nullptr);
  while (cursor_.skip_operator("|")) node = filter(node);
  return node;
}

const Expression* ExpressionParser::test(const Expression* value) {
  bool negated = cursor_.skip_name("not");
  Expression& node = make(ExpressionKind::kTest);
  node.name = dotted_name("a test");
  node.operands = {value};
  if (conditional == 0 && !known_.is_test(node.name))
    cursor_.fail(fmt::format("no test named '{}'", node.name));
  const Token& token = cursor_.current();
  if (cursor_.skip_operator("(")) {
    node.arguments = arguments();
  } else if (is_one_of(token, {"[", "{"}) || token.kind == TokenKind::kString ||
             token.kind == TokenKind::kInteger || token.kind == TokenKind::kFloat ||
             (token.kind == TokenKind::kName && token.text != "else" && token.text != "or" &&
              token.text != "and" && token.text != "if" && token.text != "in" && token.text != "not" &&
              token.text != "is" && token.text != "recursive")) {
    ArgumentSyntax& argument = node.arguments.emplace_back();
    argument.value = postfix(primary());
  } else if (token.is_name("is")) {
    cursor_.fail("tests cannot be chained with 'is'");
  }
  const Expression* result = finish(node);
  return negated ? unary_of(ExpressionKind::kNot, result) : result;
}

}  // namespace hearth::text::jinja
