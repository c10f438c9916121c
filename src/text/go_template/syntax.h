// The syntax tree of a Go template. Nodes are owned by the Tree in flat containers, so that a tree of any
// shape is destroyed without recursion.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::text::go_template {

struct Function;
struct Pipeline;

enum class ExpressionKind : uint8_t {
  kNil,
  kBool,  // integer
  kInteger,
  kFloat,
  kString,    // text; literal: index into the run's cache of literals
  kDot,       // "."
  kField,     // ".A.B": path, read from the dot
  kVariable,  // "$x.A": text is its name with the "$"; path
  kFunction,  // function
  kPipeline,  // "( … ).A": pipeline; path
};

struct Expression {
  ExpressionKind kind;
  uint32_t line = 0;
  uint32_t literal = 0;
  int64_t integer = 0;
  double real = 0;
  std::string text;
  std::vector<std::string> path;
  const Function* function = nullptr;
  const Pipeline* pipeline = nullptr;
};

// A value, or a function and its arguments.
using Command = std::vector<const Expression*>;

struct Pipeline {
  uint32_t line = 0;
  std::vector<std::string> variables;  // that take the result: at most one, in a range two
  bool assigns = false;                // to variables that exist; otherwise they are declared
  std::vector<Command> commands;       // the result of each is the last argument of the next
};

enum class StatementKind : uint8_t {
  kText,      // text
  kAction,    // pipeline
  kIf,        // pipeline, body, otherwise
  kWith,      // pipeline, body, otherwise
  kRange,     // pipeline, body, otherwise
  kTemplate,  // text is the name; pipeline (may be null)
  kBreak,
  kContinue,
};

struct Statement;
using Body = std::vector<const Statement*>;

struct Statement {
  StatementKind kind;
  uint32_t line = 0;
  uint32_t position = 0;  // in the order of the source, counted from 0
  std::string text;
  const Pipeline* pipeline = nullptr;
  Body body;
  Body otherwise;
};

struct Tree {
  std::deque<Expression> expressions;
  std::deque<Pipeline> pipelines;
  std::deque<Statement> statements;
  Body body;
  std::map<std::string, Body, std::less<>> definitions;  // define and block
  std::set<std::string, std::less<>> names;              // of all fields that are read, in lower case
  uint32_t literals = 0;
  // The first statement of `body`, in the order of the source, that writes .Response.
  uint32_t response_position = UINT32_MAX;

  bool reads(std::string_view lower_case_name) const { return names.contains(lower_case_name); }
};

// Throws jinja::SourceError. `depth` bounds the nesting of statements and parentheses. A template that reads
// neither .Messages nor .Response gets a .Response at its end.
Tree parse(std::string_view source, size_t depth);

}  // namespace hearth::text::go_template
