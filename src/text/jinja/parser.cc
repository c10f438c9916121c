#include "text/jinja/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace hearth::text::jinja {

const Token& TokenCursor::next() {
  const Token& token = tokens_[at_];
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool TokenCursor::skip_operator(std::string_view spelling) {
  if (!current().is_operator(spelling)) return false;
  next();
  return true;
}

bool TokenCursor::skip_name(std::string_view name) {
  if (!current().is_name(name)) return false;
  next();
  return true;
}

void TokenCursor::expect_operator(std::string_view spelling) {
  if (!skip_operator(spelling)) fail(fmt::format("expected '{}', found {}", spelling, describe_current()));
}

void TokenCursor::expect_name(std::string_view name) {
  if (!skip_name(name)) fail(fmt::format("expected '{}', found {}", name, describe_current()));
}

std::string TokenCursor::expect_any_name(std::string_view what) {
  if (current().kind != TokenKind::kName)
    fail(fmt::format("expected {}, found {}", what, describe_current()));
  return next().text;
}

std::string TokenCursor::describe_current() const {
  switch (current().kind) {
    case TokenKind::kEnd:
      return "the end of the template";
    case TokenKind::kVariableEnd:
    case TokenKind::kBlockEnd:
      return "the end of the tag";
    case TokenKind::kString:
      return "a string";
    case TokenKind::kInteger:
    case TokenKind::kFloat:
      return "a number";
    case TokenKind::kName:
    case TokenKind::kOperator:
      return fmt::format("'{}'", current().text);
    default:
      return "text";
  }
}

namespace {

class StatementParser {
 public:
  StatementParser(std::string_view source, size_t depth, const KnownNames& known)
      : cursor_(tokenize(source)), expressions_(cursor_, tree_, depth, known) {}

  Tree run() {
    tree_.body = body({});
    if (cursor_.current().kind != TokenKind::kEnd) cursor_.fail("unexpected end of a block");
    return std::move(tree_);
  }

 private:
  using Ends = std::initializer_list<std::string_view>;

  Statement& make(StatementKind kind) {
    Statement& statement = tree_.statements.emplace_back();
    statement.kind = kind;
    statement.line = cursor_.current().line;
    return statement;
  }

  // Statements up to a tag that begins with one of `ends`; its name is then current.
  Body body(Ends ends) {
    ExpressionParser::Level level(expressions_);
    Body result;
    for (;;) {
      const Token& token = cursor_.current();
      if (token.kind == TokenKind::kEnd) {
        if (ends.size() != 0) {
          cursor_.fail(fmt::format("the template ends where '{}' is expected", *(ends.end() - 1)));
        }
        return result;
      }
      if (token.kind == TokenKind::kData) {
        Statement& data = make(StatementKind::kData);
        data.text = cursor_.next().text;
        result.push_back(&data);
      } else if (token.kind == TokenKind::kVariableBegin) {
        cursor_.next();
        Statement& output = make(StatementKind::kOutput);
        output.expression = expressions_.tuple();
        if (cursor_.current().kind != TokenKind::kVariableEnd) {
          cursor_.fail(fmt::format("expected the end of the tag, found {}", cursor_.describe_current()));
        }
        cursor_.next();
        result.push_back(&output);
      } else {
        cursor_.next();
        const Token& name = cursor_.current();
        if (name.kind != TokenKind::kName) {
          cursor_.fail(fmt::format("expected the name of a statement, found {}", cursor_.describe_current()));
        }
        if (std::find(ends.begin(), ends.end(), name.text) != ends.end()) return result;
        result.push_back(statement());
      }
    }
  }

  void end_tag() {
    if (cursor_.current().kind != TokenKind::kBlockEnd) {
      cursor_.fail(fmt::format("expected the end of the tag, found {}", cursor_.describe_current()));
    }
    cursor_.next();
  }

  // A body with its closing tag.
  Body body_until(std::string_view end) {
    end_tag();
    Body result = body({end});
    cursor_.next();
    return result;
  }

  const Statement* statement() {
    std::string name = cursor_.current().text;
    const Statement* result;
    if (name == "if") {
      result = if_statement();
    } else if (name == "for") {
      result = for_statement();
    } else if (name == "set") {
      result = set_statement();
    } else if (name == "macro") {
      result = macro_statement();
    } else if (name == "call") {
      result = call_statement();
    } else if (name == "filter") {
      result = filter_statement();
    } else if (name == "with") {
      result = with_statement();
    } else if (name == "generation" || name == "block" || name == "autoescape") {
      result = scope_statement(name);
    } else if (name == "do") {
      Statement& node = make(StatementKind::kDo);
      cursor_.next();
      node.expression = expressions_.tuple();
      result = &node;
    } else if (name == "break" || name == "continue") {
      if (loops_ == 0) cursor_.fail(fmt::format("'{}' outside of a loop", name));
      result = &make(name == "break" ? StatementKind::kBreak : StatementKind::kContinue);
      cursor_.next();
    } else {
      cursor_.fail(fmt::format("unknown statement '{}'", name));
    }
    end_tag();
    return result;
  }

  const Statement* if_statement() {
    Statement& node = make(StatementKind::kIf);
    ++expressions_.conditional;
    cursor_.next();
    for (;;) {
      Branch branch;
      branch.condition = expressions_.tuple();
      end_tag();
      branch.body = body({"elif", "else", "endif"});
      node.branches.push_back(std::move(branch));
      std::string name = cursor_.next().text;
      if (name == "elif") continue;
      if (name == "else") {
        Branch last;
        last.body = body_until("endif");
        node.branches.push_back(std::move(last));
      }
      break;
    }
    --expressions_.conditional;
    return &node;
  }

  Target target(bool with_members) {
    ExpressionParser::Level level(expressions_);
    std::vector<Target> parts;
    bool tuple = false;
    do {
      if (cursor_.current().is_name("in") || cursor_.current().is_operator(")") ||
          cursor_.current().is_operator("=")) {
        break;
      }
      if (cursor_.skip_operator("(")) {
        parts.push_back(target(false));
        if (parts.back().form != Target::Form::kTuple) {
          parts.back() = Target{Target::Form::kTuple, 0, "", {parts.back()}};
        }
        cursor_.expect_operator(")");
      } else {
        parts.push_back(simple_target(with_members));
      }
      tuple = tuple || cursor_.current().is_operator(",");
    } while (cursor_.skip_operator(","));
    if (parts.empty()) cursor_.fail("expected a name to assign to");
    if (!tuple) return std::move(parts[0]);
    return Target{Target::Form::kTuple, 0, "", std::move(parts)};
  }

  Target simple_target(bool with_members) {
    Target result;
    std::string name = cursor_.expect_any_name("a name to assign to");
    for (std::string_view reserved : {"true", "false", "none", "True", "False", "None"}) {
      if (name == reserved) cursor_.fail(fmt::format("cannot assign to '{}'", name));
    }
    result.symbol = tree_.symbol(name);
    if (with_members && cursor_.skip_operator(".")) {
      result.form = Target::Form::kMember;
      result.member = cursor_.expect_any_name("a member");
      expressions_.variables_read.push_back(result.symbol);
    }
    return result;
  }

  const Statement* for_statement() {
    Statement& node = make(StatementKind::kFor);
    cursor_.next();
    node.target = target(false);
    cursor_.expect_name("in");
    node.expression = expressions_.tuple(true);
    if (cursor_.skip_name("if")) node.condition = expressions_.expression();
    node.recursive = cursor_.skip_name("recursive");
    end_tag();
    ++loops_;
    node.body = body({"else", "endfor"});
    --loops_;
    if (cursor_.next().text == "else") node.otherwise = body_until("endfor");
    return &node;
  }

  const Statement* set_statement() {
    Statement& node = make(StatementKind::kSet);
    cursor_.next();
    node.target = target(true);
    if (cursor_.skip_operator("=")) {
      node.expression = expressions_.tuple();
      return &node;
    }
    node.kind = StatementKind::kSetBlock;
    node.expression = expressions_.filters_of_block(false);
    node.body = body_until("endset");
    return &node;
  }

  // After "(".
  void parameters(MacroSyntax& macro) {
    while (!cursor_.current().is_operator(")")) {
      MacroSyntax::Parameter parameter;
      parameter.name = cursor_.expect_any_name("a parameter");
      parameter.symbol = tree_.symbol(parameter.name);
      if (cursor_.skip_operator("=")) {
        parameter.fallback = expressions_.expression();
      } else if (!macro.parameters.empty() && macro.parameters.back().fallback != nullptr) {
        cursor_.fail("a parameter without default follows one with default");
      }
      macro.parameters.push_back(std::move(parameter));
      if (!cursor_.skip_operator(",")) break;
    }
    cursor_.expect_operator(")");
  }

  void macro_body(MacroSyntax& macro, std::string_view end) {
    size_t reads_before = expressions_.variables_read.size();
    size_t loops = std::exchange(loops_, 0);
    macro.body = body_until(end);
    loops_ = loops;
    auto reads = [&](std::string_view name) {
      Symbol symbol = tree_.symbol(name);
      auto& read = expressions_.variables_read;
      return std::find(read.begin() + static_cast<std::ptrdiff_t>(reads_before), read.end(), symbol) !=
             read.end();
    };
    macro.uses_varargs = reads("varargs");
    macro.uses_kwargs = reads("kwargs");
    macro.uses_caller = reads("caller");
  }

  const Statement* macro_statement() {
    Statement& node = make(StatementKind::kMacro);
    cursor_.next();
    node.macro.name = cursor_.expect_any_name("the name of a macro");
    node.macro.symbol = tree_.symbol(node.macro.name);
    cursor_.expect_operator("(");
    parameters(node.macro);
    macro_body(node.macro, "endmacro");
    cursor_.skip_name(node.macro.name);
    return &node;
  }

  const Statement* call_statement() {
    Statement& node = make(StatementKind::kCall);
    cursor_.next();
    node.macro.name = "caller";
    if (cursor_.skip_operator("(")) parameters(node.macro);
    node.expression = expressions_.expression();
    if (node.expression->kind != ExpressionKind::kCall) cursor_.fail("expected a call");
    macro_body(node.macro, "endcall");
    return &node;
  }

  const Statement* filter_statement() {
    Statement& node = make(StatementKind::kFilter);
    cursor_.next();
    node.expression = expressions_.filters_of_block(true);
    node.body = body_until("endfilter");
    return &node;
  }

  const Statement* with_statement() {
    Statement& node = make(StatementKind::kWith);
    cursor_.next();
    while (cursor_.current().kind != TokenKind::kBlockEnd) {
      if (!node.bindings.empty()) cursor_.expect_operator(",");
      Target name = simple_target(false);
      cursor_.expect_operator("=");
      node.bindings.emplace_back(std::move(name), expressions_.expression());
    }
    node.body = body_until("endwith");
    return &node;
  }

  // Blocks that only group: {% generation %}, {% block name %}, {% autoescape … %}.
  const Statement* scope_statement(const std::string& name) {
    Statement& node = make(StatementKind::kScope);
    cursor_.next();
    std::string block;
    if (name == "block") block = cursor_.expect_any_name("the name of a block");
    if (name == "autoescape") expressions_.expression();
    node.body = body_until("end" + name);
    if (!block.empty()) cursor_.skip_name(block);
    return &node;
  }

  Tree tree_;
  TokenCursor cursor_;
  ExpressionParser expressions_;
  size_t loops_ = 0;
};

}  // namespace

Tree parse(std::string_view source, size_t depth, const KnownNames& known) {
  return StatementParser(source, depth, known).run();
}

}  // namespace hearth::text::jinja
