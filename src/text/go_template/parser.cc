// Tokens to a syntax tree.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "text/go_template/functions.h"
#include "text/go_template/lexer.h"
#include "text/go_template/syntax.h"

namespace hearth::text::go_template {

namespace {

constexpr std::string_view kKeywords[] = {"if",     "else",  "end",      "range", "with",
                                          "define", "block", "template", "break", "continue"};

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

class Parser {
 public:
  Parser(std::string_view source, size_t depth) : tokens_(tokenize(source)), max_depth_(depth) {}

  Tree run() {
    const End end = body(tree_.body, 0, true);
    if (end != End::kSource)
      fail("{{{{{}}}}} has nothing to {}", spelled(end), end == End::kEnd ? "end" : "follow");
    for (const auto& [name, line] : called_) {
      if (!tree_.definitions.contains(name))
        throw SourceError{line, fmt::format("no template \"{}\" is defined", name)};
    }
    if (!tree_.reads("messages") && !tree_.reads("response")) add_response();
    return std::move(tree_);
  }

 private:
  // What ended a body.
  enum class End { kSource, kEnd, kElse };

  template <typename... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const {
    throw SourceError{current().line, fmt::format(format, std::forward<Args>(args)...)};
  }
  static std::string_view spelled(End end) { return end == End::kEnd ? "end" : "else"; }

  const Token& current() const { return tokens_[at_]; }
  const Token& next() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  bool skip_symbol(std::string_view spelling) {
    if (!current().is_symbol(spelling)) return false;
    next();
    return true;
  }
  bool skip_name(std::string_view name) {
    if (!current().is_name(name)) return false;
    next();
    return true;
  }
  void close(std::string_view where) {
    if (current().kind != TokenKind::kClose) fail("{} is not expected in {}", described(), where);
    next();
  }
  std::string described() const {
    switch (current().kind) {
      case TokenKind::kClose:
        return "the end of the action";
      case TokenKind::kString:
        return "a string";
      case TokenKind::kField:
        return fmt::format("\".{}\"", current().text);
      case TokenKind::kDot:
        return "\".\"";
      default:
        return fmt::format("\"{}\"", current().text);
    }
  }

  class Level {
   public:
    explicit Level(Parser& parser) : parser_(parser) {
      if (++parser_.depth_ > parser_.max_depth_) {
        parser_.fail("the template nests too deep (limit {} levels)", parser_.max_depth_);
      }
    }
    ~Level() { --parser_.depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    Parser& parser_;
  };

  Statement& add(Body& body, StatementKind kind) {
    Statement& statement = tree_.statements.emplace_back();
    statement.kind = kind;
    statement.line = current().line;
    statement.position = static_cast<uint32_t>(tree_.statements.size() - 1);
    body.push_back(&statement);
    return statement;
  }

  void add_response() {
    Expression& response = make(ExpressionKind::kField);
    response.path = {"Response"};
    Pipeline& pipeline = tree_.pipelines.emplace_back();
    pipeline.line = current().line;
    pipeline.commands.push_back({&response});
    Statement& action = add(tree_.body, StatementKind::kAction);
    action.pipeline = &pipeline;
    tree_.response_position = action.position;
  }

  // Statements up to the {{end}} or {{else}} that belongs to something outside, which has been read up to its
  // name.
  End body(Body& out, size_t loops, bool top = false) {
    Level level(*this);
    while (current().kind != TokenKind::kEnd) {
      if (current().kind == TokenKind::kText) {
        add(out, StatementKind::kText).text = current().text;
        next();
        continue;
      }
      next();  // kOpen
      if (skip_name("end")) {
        if (top) fail("{{{{end}}}} has nothing to end");
        return End::kEnd;
      }
      if (skip_name("else")) {
        if (top) fail("{{{{else}}}} has nothing to follow");
        return End::kElse;
      }
      statement(out, loops, top);
    }
    return End::kSource;
  }

  void statement(Body& out, size_t loops, bool top) {
    if (skip_name("if")) return branch(add(out, StatementKind::kIf), "if", loops);
    if (skip_name("with")) return branch(add(out, StatementKind::kWith), "with", loops);
    if (skip_name("range")) return branch(add(out, StatementKind::kRange), "range", loops);
    if (skip_name("template")) return template_call(add(out, StatementKind::kTemplate));
    if (skip_name("block")) return block(out);
    if (current().is_name("define")) {
      if (!top || in_definition_) fail("a template can be defined at the top level only");
      next();
      const std::string name = template_name("define");
      close("{{define}}");
      return define(name, "define");
    }
    for (const auto& [word, kind] :
         {std::pair{"break", StatementKind::kBreak}, std::pair{"continue", StatementKind::kContinue}}) {
      if (!skip_name(word)) continue;
      if (loops == 0) fail("{{{{{}}}}} stands outside of any range", word);
      add(out, kind);
      return close("a jump");
    }
    Statement& action = add(out, StatementKind::kAction);
    action.pipeline = pipeline("an action", 1);
    if (mentions_response_ && !in_definition_) {
      tree_.response_position = std::min(tree_.response_position, action.position);
    }
    close("an action");
  }

  // if, with and range: from behind the word to behind the {{end}}.
  void branch(Statement& statement, std::string_view word, size_t loops) {
    const size_t variables = variables_.size();
    const bool range = statement.kind == StatementKind::kRange;
    statement.pipeline = pipeline(word, range ? 2 : 1);
    close(word);
    End end = body(statement.body, range ? loops + 1 : loops);
    if (end == End::kElse) {
      if (current().is_name("if") || (current().is_name("with") && statement.kind == StatementKind::kWith)) {
        // {{else if}} is an {{else}} with an {{if}} inside, and one {{end}} for both.
        Level level(*this);
        const bool is_if = current().is_name("if");
        next();
        branch(add(statement.otherwise, is_if ? StatementKind::kIf : StatementKind::kWith),
               is_if ? "if" : "with", loops);
        variables_.resize(variables);
        return;
      }
      close("{{else}}");
      end = body(statement.otherwise, loops);
      if (end == End::kElse) fail("{{{{else}}}} follows another one");
    }
    if (end == End::kSource) {
      throw SourceError{statement.line,
                        fmt::format("{{{{{}}}}} is not closed: its {{{{end}}}} is missing", word)};
    }
    close("{{end}}");
    variables_.resize(variables);
  }

  std::string template_name(std::string_view where) {
    if (current().kind != TokenKind::kString) fail("{{{{{}}}}} needs a name in quotes", where);
    return next().text;
  }

  void template_call(Statement& statement) {
    statement.text = template_name("template");
    called_.emplace_back(statement.text, statement.line);
    if (current().kind != TokenKind::kClose) statement.pipeline = pipeline("template", 1);
    close("{{template}}");
  }

  void block(Body& out) {
    Statement& call = add(out, StatementKind::kTemplate);
    call.text = template_name("block");
    called_.emplace_back(call.text, call.line);
    call.pipeline = pipeline("block", 1);
    close("{{block}}");
    define(call.text, "block");
  }

  // The body of a definition, with variables of its own.
  void define(const std::string& name, std::string_view word) {
    const uint32_t line = current().line;
    std::vector<std::string> outer = std::exchange(variables_, {"$"});
    const bool was_in_definition = std::exchange(in_definition_, true);
    Body content;
    const End end = body(content, 0);
    if (end == End::kElse) fail("{{{{else}}}} has nothing to follow");
    if (end == End::kSource) {
      throw SourceError{line, fmt::format("{{{{{}}}}} is not closed: its {{{{end}}}} is missing", word)};
    }
    close("{{end}}");
    in_definition_ = was_in_definition;
    variables_ = std::move(outer);
    if (!tree_.definitions.emplace(name, std::move(content)).second) {
      throw SourceError{line, fmt::format("the template \"{}\" is defined twice", name)};
    }
  }

  Expression& make(ExpressionKind kind) {
    Expression& expression = tree_.expressions.emplace_back();
    expression.kind = kind;
    expression.line = current().line;
    return expression;
  }

  // With up to `max_variables` variables that take the result.
  const Pipeline* pipeline(std::string_view where, size_t max_variables) {
    Level level(*this);
    Pipeline& pipeline = tree_.pipelines.emplace_back();
    pipeline.line = current().line;
    if (level_of_pipeline_++ == 0) mentions_response_ = false;
    if (max_variables > 0) declaration(pipeline, max_variables);
    do {
      const Command& made = pipeline.commands.emplace_back(command(where));
      if (pipeline.commands.size() > 1 && made[0]->kind != ExpressionKind::kFunction) {
        fail("only a function can take the value of a pipeline");
      }
    } while (skip_symbol("|"));
    --level_of_pipeline_;
    if (!pipeline.assigns) {
      variables_.insert(variables_.end(), pipeline.variables.begin(), pipeline.variables.end());
    }
    return &pipeline;
  }

  // "$x :=", "$x =", "$i, $x :=" in front of a pipeline, if there is one.
  void declaration(Pipeline& pipeline, size_t max_variables) {
    size_t ahead = at_;
    std::vector<std::string> names;
    while (tokens_[ahead].kind == TokenKind::kVariable && names.size() < 2) {
      names.push_back(tokens_[ahead].text);
      if (!tokens_[++ahead].is_symbol(",")) break;
      ++ahead;
    }
    const bool declares = tokens_[ahead].is_symbol(":=");
    if (names.empty() || (!declares && !tokens_[ahead].is_symbol("="))) return;
    at_ = ahead + 1;
    if (names.size() > max_variables) fail("only a range can set two variables");
    if (!declares) {
      for (const std::string& name : names) check_declared(name);
    }
    pipeline.assigns = !declares;
    pipeline.variables = std::move(names);
  }

  void check_declared(const std::string& name) const {
    if (std::find(variables_.begin(), variables_.end(), name) == variables_.end()) {
      fail("the variable {} is not declared here", name);
    }
  }

  Command command(std::string_view where) {
    Command command;
    while (true) {
      const Token& token = current();
      if (token.kind == TokenKind::kClose || token.is_symbol("|") || token.is_symbol(")")) break;
      if (!command.empty() && !token.after_space)
        fail("{} must stand apart from what is before it", described());
      command.push_back(operand());
    }
    if (command.empty()) fail("{} needs a value", where);
    if (command[0]->kind == ExpressionKind::kNil) {
      throw SourceError{command[0]->line, "nil alone is not a value that can be written or kept"};
    }
    if (command.size() > 1 && command[0]->kind != ExpressionKind::kFunction) {
      throw SourceError{command[0]->line, "only a function can take arguments"};
    }
    return command;
  }

  const Expression* operand() {
    const Token& token = current();
    switch (token.kind) {
      case TokenKind::kString: {
        Expression& string = make(ExpressionKind::kString);
        string.text = token.text;
        string.literal = tree_.literals++;
        next();
        return &string;
      }
      case TokenKind::kInteger: {
        Expression& number = make(ExpressionKind::kInteger);
        number.integer = token.integer;
        next();
        return &number;
      }
      case TokenKind::kFloat: {
        Expression& number = make(ExpressionKind::kFloat);
        number.real = token.real;
        next();
        return &number;
      }
      case TokenKind::kDot: {
        Expression& dot = make(ExpressionKind::kDot);
        next();
        return &dot;
      }
      case TokenKind::kField:
        return with_path(make(ExpressionKind::kField));
      case TokenKind::kVariable: {
        check_declared(token.text);
        Expression& variable = make(ExpressionKind::kVariable);
        variable.text = token.text;
        next();
        return with_path(variable);
      }
      case TokenKind::kName:
        return named();
      default:
        break;
    }
    if (!skip_symbol("(")) fail("{} is not expected here", described());
    Expression& inner = make(ExpressionKind::kPipeline);
    inner.pipeline = pipeline("()", 0);
    if (!skip_symbol(")")) fail("a \"(\" is not closed");
    return with_path(inner);
  }

  const Expression* named() {
    const std::string& name = current().text;
    if (std::find(std::begin(kKeywords), std::end(kKeywords), name) != std::end(kKeywords)) {
      fail("\"{}\" is not expected here", name);
    }
    if (name == "nil") {
      next();
      return &make(ExpressionKind::kNil);
    }
    if (name == "true" || name == "false") {
      Expression& boolean = make(ExpressionKind::kBool);
      boolean.integer = name == "true" ? 1 : 0;
      next();
      return &boolean;
    }
    const Function* found = find_function(name);
    if (found == nullptr) fail("there is no function \"{}\"", name);
    Expression& function = make(ExpressionKind::kFunction);
    function.function = found;
    next();
    return &function;
  }

  // The fields that follow without a space.
  const Expression* with_path(Expression& expression) {
    const bool first_counts = expression.kind == ExpressionKind::kField;
    while (current().kind == TokenKind::kField &&
           ((first_counts && expression.path.empty()) || !current().after_space)) {
      tree_.names.insert(lower_case(current().text));
      if (current().text == "Response") mentions_response_ = true;
      expression.path.push_back(next().text);
    }
    return &expression;
  }

  std::vector<Token> tokens_;
  size_t at_ = 0;
  size_t max_depth_;
  size_t depth_ = 0;
  Tree tree_;
  std::vector<std::string> variables_{"$"};
  std::vector<std::pair<std::string, uint32_t>> called_;
  bool in_definition_ = false;
  bool mentions_response_ = false;  // in the pipeline that was read last
  size_t level_of_pipeline_ = 0;
};

}  // namespace

Tree parse(std::string_view source, size_t depth) {
  return Parser(source, depth).run();
}

}  // namespace hearth::text::go_template
