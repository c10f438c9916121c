// Tokens to a syntax tree: the part that statements and expressions share, and the grammar of both.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/lexer.h"
#include "text/jinja/syntax.h"

namespace hearth::text::jinja {

class TokenCursor {
 public:
  explicit TokenCursor(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& current() const { return tokens_[at_]; }
  const Token& ahead() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  const Token& next();
  bool skip_operator(std::string_view spelling);
  bool skip_name(std::string_view name);
  void expect_operator(std::string_view spelling);
  void expect_name(std::string_view name);
  std::string expect_any_name(std::string_view what);
  [[noreturn]] void fail(std::string message) const { throw SourceError{current().line, std::move(message)}; }
  // "'x'" or "end of the tag", for messages.
  std::string describe_current() const;

 private:
  std::vector<Token> tokens_;
  size_t at_ = 0;
};

class ExpressionParser {
 public:
  ExpressionParser(TokenCursor& cursor, Tree& tree, size_t depth, const KnownNames& known)
      : cursor_(cursor), tree_(tree), max_depth_(depth), known_(known) {}

  const Expression* expression() { return condition(); }
  // One or more expressions separated by commas. `in_for` leaves `if` and `recursive` to the loop.
  const Expression* tuple(bool in_for = false);
  // `|a|b` after nothing (set and filter blocks); the first name may come without a bar.
  const Expression* filters_of_block(bool first_without_bar);
  std::vector<ArgumentSyntax> arguments();  // after "("

  // Nesting, also of statements.
  class Level {
   public:
    explicit Level(ExpressionParser& parser);
    ~Level() { --parser_.depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    ExpressionParser& parser_;
  };

  // Inside an if, unknown filters and tests are an error only when reached.
  int conditional = 0;
  // Names used so far, to see what a macro's body reads.
  std::vector<Symbol> variables_read;

 private:
  using Parse = const Expression* (ExpressionParser::*)();

  Expression& make(ExpressionKind kind);
  const Expression* finish(Expression& node);
  const Expression* unary_of(ExpressionKind kind, const Expression* operand);

  const Expression* condition();
  const Expression* either();
  const Expression* both();
  const Expression* negation();
  const Expression* comparison();
  const Expression* sum();
  const Expression* concatenation();
  const Expression* product();
  const Expression* power();
  const Expression* unary(bool with_filters = true);
  const Expression* unary_with_filters() { return unary(true); }
  const Expression* primary();
  const Expression* postfix(const Expression* node);
  const Expression* filters_and_tests(const Expression* node);
  const Expression* filter(const Expression* value);
  const Expression* test(const Expression* value);
  const Expression* subscript(const Expression* object);
  const Expression* subscript_index(const Expression* object);
  const Expression* call(const Expression* callee);
  const Expression* parenthesized();
  const Expression* list();
  const Expression* dict();
  const Expression* chain(ExpressionKind kind, Parse part, std::initializer_list<std::string_view> spellings);
  std::string dotted_name(std::string_view what);

  TokenCursor& cursor_;
  Tree& tree_;
  size_t max_depth_;
  KnownNames known_;
  size_t depth_ = 0;
};

}  // namespace hearth::text::jinja
