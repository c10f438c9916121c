// The syntax tree of a template. Nodes are owned by the Tree in flat vectors, so that a tree of any shape is
// destroyed without recursion; names of variables are numbered.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace hearth::text::jinja {

using Symbol = uint32_t;

// What `operands` holds is said at each kind; `name`, `symbol`, `arguments` only where mentioned.
enum class ExpressionKind : uint8_t {
  kString,  // name; literal: index into the run's cache of literals
  kInteger,
  kFloat,
  kBool,
  kNone,
  kVariable,  // symbol
  kList,
  kTuple,
  kDict,       // key, value, key, value, …
  kAttribute,  // object; name
  kSubscript,  // object, index
  kSlice,      // object, start, stop, step; each of the last three may be null
  kCall,       // callee; arguments
  kFilter,     // value, or nothing in a filter block; name; arguments
  kTest,       // value; name; arguments
  kNot,
  kNegate,
  kPlus,
  kAnd,
  kOr,          // two or more
  kArithmetic,  // first, then one per operator, from left to right
  kConcat,      // two or more
  kCompare,     // first, then one per operator
  kCondition,   // condition, value, otherwise (may be null)
};

enum class Operator : uint8_t {
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kFloorDivide,
  kModulo,
  kPower,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kNotIn,
};

struct Expression;

struct ArgumentSyntax {
  enum class Form : uint8_t { kPositional, kNamed, kSpread, kNamedSpread } form = Form::kPositional;
  std::string name;
  const Expression* value = nullptr;
};

struct Expression {
  ExpressionKind kind;
  uint32_t line = 0;
  uint32_t depth = 1;  // of the tree below
  Symbol symbol = 0;
  uint32_t literal = 0;
  int64_t integer = 0;
  double real = 0;
  std::string name;
  std::vector<const Expression*> operands;
  std::vector<Operator> operators;
  std::vector<ArgumentSyntax> arguments;
};

// Where an assignment goes: a name, a member of a namespace, or a list of targets.
struct Target {
  enum class Form : uint8_t { kName, kMember, kTuple } form = Form::kName;
  Symbol symbol = 0;
  std::string member;
  std::vector<Target> parts;
};

enum class StatementKind : uint8_t {
  kData,      // text
  kOutput,    // expression
  kIf,        // branches: condition (null for else) and body
  kFor,       // target, expression, condition (may be null), body, otherwise, recursive
  kSet,       // target, expression
  kSetBlock,  // target, body, expression (filters over the body; may be null)
  kMacro,     // macro
  kCall,      // expression (a call), macro (the caller)
  kFilter,    // expression (filters over the body), body
  kWith,      // bindings, body
  kScope,     // body: generation, block, autoescape
  kDo,        // expression
  kBreak,
  kContinue,
};

struct Statement;
using Body = std::vector<const Statement*>;

struct MacroSyntax {
  struct Parameter {
    Symbol symbol;
    std::string name;
    const Expression* fallback = nullptr;
  };
  std::string name;
  Symbol symbol = 0;
  std::vector<Parameter> parameters;
  Body body;
  bool uses_varargs = false, uses_kwargs = false, uses_caller = false;
};

struct Branch {
  const Expression* condition = nullptr;
  Body body;
};

struct Statement {
  StatementKind kind;
  uint32_t line = 0;
  uint32_t literal = 0;
  bool recursive = false;
  std::string text;
  Target target;
  const Expression* expression = nullptr;
  const Expression* condition = nullptr;
  Body body;
  Body otherwise;
  std::vector<Branch> branches;
  std::vector<std::pair<Target, const Expression*>> bindings;
  MacroSyntax macro;
};

struct Tree {
  std::deque<Expression> expressions;
  std::deque<Statement> statements;
  Body body;
  std::deque<std::string> names;  // by Symbol; addresses stay
  std::unordered_map<std::string, Symbol> symbols;
  uint32_t literals = 0;

  Symbol symbol(std::string_view name) {
    auto [at, added] = symbols.try_emplace(std::string(name), static_cast<Symbol>(names.size()));
    if (added) names.emplace_back(name);
    return at->second;
  }
};

// Filters and tests that exist, for complaints at compile time.
struct KnownNames {
  bool (*is_filter)(std::string_view);
  bool (*is_test)(std::string_view);
};

// Throws SourceError. `depth` bounds the nesting of statements and expressions.
Tree parse(std::string_view source, size_t depth, const KnownNames& known);

}  // namespace hearth::text::jinja
