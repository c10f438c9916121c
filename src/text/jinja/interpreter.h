// Runs a syntax tree once. One Interpreter per rendering; the tree is shared and never changed.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "text/jinja/budget.h"
#include "text/jinja/datum.h"
#include "text/jinja/syntax.h"
#include "text/prompt_text.h"
#include "text/value.h"

namespace hearth::text::jinja {

// Variables of one block; lookups go on in the parent.
struct Scope {
  Scope* parent = nullptr;
  std::vector<std::pair<Symbol, Datum>> variables;
  bool captured = false;  // a macro was defined inside: must live until the end
};

struct LoopObject : CallableObject {
  std::vector<Datum> items;
  size_t index = 0;
  size_t length = 0;
  size_t depth = 0;
  const Statement* statement = nullptr;  // of a recursive loop
  Scope* scope = nullptr;
  Datum last_changed;  // what loop.changed() saw

  Datum call(Interpreter& interpreter, Arguments& arguments) override;
  Datum attribute(Interpreter& interpreter, std::string_view name) override;
};

class Interpreter {
 public:
  Interpreter(const Tree& tree, const TemplateLimits& limits, int64_t now_unix_seconds);

  // Throws TemplateFailure; line() then says where.
  PromptText run(const Value& context);
  uint32_t line() const { return line_; }

  Budget& budget() { return budget_; }
  Heap& heap() { return heap_; }
  int64_t now_unix_seconds() const { return now_; }

  Datum call(const Datum& callee, Arguments& arguments);
  Datum apply_filter(std::string_view name, const Datum& value, Arguments& arguments);
  bool apply_test(std::string_view name, const Datum& value, Arguments& arguments);

  // For MacroObject and LoopObject.
  Datum call_macro(const MacroSyntax& macro, Scope* definition, Arguments& arguments);
  Datum run_loop(const Statement& loop, const Datum& iterable, Scope* scope, size_t depth);

 private:
  enum class Flow { kNext, kBreak, kContinue };
  class ScopeGuard;

  void load_context(const Value& context);

  Flow execute(const Body& body, TextBuilder& out);
  Flow execute(const Statement& statement, TextBuilder& out);
  Flow execute_for(const Statement& loop, const Datum& iterable, size_t depth, TextBuilder& out);
  std::vector<Datum> filtered_items(const Statement& loop, const Datum& iterable);
  void execute_call(const Statement& statement, TextBuilder& out);
  Flow execute_with(const Statement& statement, TextBuilder& out);
  Datum capture(const Body& body);

  Datum evaluate(const Expression& expression);
  Datum evaluate_node(const Expression& expression);
  Datum evaluate_slice(const Expression& expression);
  Datum evaluate_call(const Expression& expression, const Datum* caller);
  Datum evaluate_filter(const Expression& expression, const Datum* block);
  Datum evaluate_compare(const Expression& expression);
  Datum evaluate_concat(const Expression& expression);
  Arguments evaluate_arguments(const std::vector<ArgumentSyntax>& syntax);

  Datum lookup(Symbol symbol);
  void assign(const Target& target, const Datum& value);
  void define(Symbol symbol, Datum value);
  Scope* capture_scope();

  const Tree& tree_;
  Budget budget_;
  Heap heap_;
  int64_t now_;
  uint32_t line_ = 1;
  std::vector<Datum> literals_;
  std::deque<Scope> scopes_;
  std::vector<Scope*> free_scopes_;
  Scope* scope_ = nullptr;
};

// What lookup falls back to: range, namespace, raise_exception, … nullopt for an unknown name.
std::optional<Datum> global_function(Interpreter& interpreter, std::string_view name);

// Filters (filters.cc) and tests (tests.cc) by name; nullptr for an unknown one.
using Filter = Datum (*)(Interpreter&, const Datum& value, Arguments& arguments);
using Test = bool (*)(Interpreter&, const Datum& value, Arguments& arguments);
Filter find_filter(std::string_view name);
Test find_test(std::string_view name);

// `value.name` where it is a method of its type; undefined when there is none.
Datum find_method(Interpreter& interpreter, const Datum& value, std::string_view name);

}  // namespace hearth::text::jinja
