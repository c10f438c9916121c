// Statements and scopes; expressions are in evaluation.cc.
#include "text/jinja/interpreter.h"

#include <algorithm>

#include "text/jinja/operations.h"
#include "text/jinja/printing.h"

namespace hearth::text::jinja {

namespace {

struct MacroObject : CallableObject {
  MacroObject(const MacroSyntax& macro, Scope* definition) : macro(macro), definition(definition) {}
  Datum call(Interpreter& interpreter, Arguments& arguments) override {
    return interpreter.call_macro(macro, definition, arguments);
  }
  Datum attribute(Interpreter& interpreter, std::string_view name) override {
    if (name == "name") return interpreter.heap().text(macro.name);
    return Datum();
  }

  const MacroSyntax& macro;
  Scope* definition;
};

constexpr size_t kVariablesPerTick = 32;

}  // namespace

// A scope for as long as the guard lives; it is used again unless a macro kept it.
class Interpreter::ScopeGuard {
 public:
  ScopeGuard(Interpreter& interpreter, Scope* parent)
      : interpreter_(interpreter), outer_(interpreter.scope_) {
    auto& free = interpreter.free_scopes_;
    if (free.empty()) {
      interpreter.budget_.hold_container(1, sizeof(Scope));
      interpreter.scopes_.emplace_back();
      scope_ = &interpreter.scopes_.back();
    } else {
      scope_ = free.back();
      free.pop_back();
    }
    scope_->parent = parent;
    interpreter.scope_ = scope_;
  }
  ~ScopeGuard() {
    interpreter_.scope_ = outer_;
    if (scope_->captured) return;
    scope_->variables.clear();
    interpreter_.free_scopes_.push_back(scope_);
  }
  ScopeGuard(const ScopeGuard&) = delete;
  ScopeGuard& operator=(const ScopeGuard&) = delete;

 private:
  Interpreter& interpreter_;
  Scope* outer_;
  Scope* scope_;
};

Interpreter::Interpreter(const Tree& tree, const TemplateLimits& limits, int64_t now_unix_seconds)
    : tree_(tree), budget_(limits), heap_(budget_), now_(now_unix_seconds), literals_(tree.literals) {}

PromptText Interpreter::run(const Value& context) {
  ScopeGuard root(*this, nullptr);
  load_context(context);
  TextBuilder out(budget_);
  execute(tree_.body, out);
  MarkedText text = out.take();
  return PromptText{std::move(text.bytes), std::move(text.untrusted)};
}

void Interpreter::load_context(const Value& context) {
  if (!context.is_map()) {
    throw TemplateFailure{ErrorCategory::kInvalidArgument, "the context of a template must be a mapping"};
  }
  for (const auto& [name, value] : context.as_map()) {
    auto symbol = tree_.symbols.find(name);
    if (symbol != tree_.symbols.end()) define(symbol->second, heap_.value(value));
  }
}

Interpreter::Flow Interpreter::execute(const Body& body, TextBuilder& out) {
  for (const Statement* statement : body) {
    Flow flow = execute(*statement, out);
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Interpreter::Flow Interpreter::execute(const Statement& statement, TextBuilder& out) {
  Budget::Level level(budget_);
  budget_.spend();
  line_ = statement.line;
  switch (statement.kind) {
    case StatementKind::kData:
      out.append(statement.text, false);
      break;
    case StatementKind::kOutput:
      print(*this, out, evaluate(*statement.expression));
      break;
    case StatementKind::kIf:
      for (const Branch& branch : statement.branches) {
        if (branch.condition == nullptr || truthy(evaluate(*branch.condition)))
          return execute(branch.body, out);
      }
      break;
    case StatementKind::kFor:
      return execute_for(statement, evaluate(*statement.expression), 0, out);
    case StatementKind::kSet:
      assign(statement.target, evaluate(*statement.expression));
      break;
    case StatementKind::kSetBlock: {
      Datum value = capture(statement.body);
      if (statement.expression != nullptr) value = evaluate_filter(*statement.expression, &value);
      assign(statement.target, value);
      break;
    }
    case StatementKind::kMacro:
      define(statement.macro.symbol,
             Datum::object(Kind::kCallable, heap_.make<MacroObject>(statement.macro, capture_scope())));
      break;
    case StatementKind::kCall:
      execute_call(statement, out);
      break;
    case StatementKind::kFilter: {
      Datum block = capture(statement.body);
      print(*this, out, evaluate_filter(*statement.expression, &block));
      break;
    }
    case StatementKind::kWith:
      return execute_with(statement, out);
    case StatementKind::kScope: {
      ScopeGuard scope(*this, scope_);
      return execute(statement.body, out);
    }
    case StatementKind::kDo:
      evaluate(*statement.expression);
      break;
    case StatementKind::kBreak:
      return Flow::kBreak;
    case StatementKind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kNext;
}

std::vector<Datum> Interpreter::filtered_items(const Statement& loop, const Datum& iterable) {
  std::vector<Datum> items = iterate(*this, iterable);
  if (loop.condition == nullptr) return items;
  std::vector<Datum> kept;
  for (Datum& item : items) {
    ScopeGuard scope(*this, scope_);
    assign(loop.target, item);
    if (truthy(evaluate(*loop.condition))) kept.push_back(std::move(item));
  }
  return kept;
}

Interpreter::Flow Interpreter::execute_for(const Statement& loop, const Datum& iterable, size_t depth,
                                           TextBuilder& out) {
  if (loop.recursive) capture_scope();
  std::vector<Datum> items = filtered_items(loop, iterable);
  if (items.empty()) {
    ScopeGuard scope(*this, scope_);
    return execute(loop.otherwise, out);
  }
  auto* state = heap_.make<LoopObject>();
  state->items = std::move(items);
  state->length = state->items.size();
  state->depth = depth;
  state->scope = scope_;
  state->statement = loop.recursive ? &loop : nullptr;
  auto found = tree_.symbols.find("loop");
  for (; state->index < state->items.size(); ++state->index) {
    budget_.spend();
    ScopeGuard scope(*this, scope_);
    assign(loop.target, state->items[state->index]);
    if (found != tree_.symbols.end()) define(found->second, Datum::object(Kind::kLoop, state));
    if (execute(loop.body, out) == Flow::kBreak) break;
  }
  // The state lives on with the heap; what it walked through need not.
  std::vector<Datum>().swap(state->items);
  return Flow::kNext;
}

Datum Interpreter::run_loop(const Statement& loop, const Datum& iterable, Scope* scope, size_t depth) {
  Scope* caller = std::exchange(scope_, scope);
  struct Restore {
    Scope*& scope;
    Scope* value;
    ~Restore() { scope = value; }
  } restore{scope_, caller};
  Budget::Level level(budget_);
  TextBuilder out(budget_);
  execute_for(loop, iterable, depth, out);
  return heap_.text(out.take());
}

Datum LoopObject::call(Interpreter& interpreter, Arguments& arguments) {
  if (statement == nullptr) give_up("loop can be called only in a recursive loop");
  arguments.expect("loop", 1, 1);
  return interpreter.run_loop(*statement, arguments.positional.at(0), scope, depth + 1);
}

namespace {

struct LoopMethod : CallableObject {
  LoopMethod(LoopObject* loop, bool cycle) : loop(loop), cycle(cycle) {}
  Datum call(Interpreter& interpreter, Arguments& arguments) override {
    if (cycle) {
      if (arguments.positional.empty()) give_up("loop.cycle needs items");
      return arguments.positional[loop->index % arguments.positional.size()];
    }
    Datum now = interpreter.heap().tuple(arguments.positional);
    bool changed = loop->last_changed.is_undefined() || !equal(interpreter, loop->last_changed, now);
    loop->last_changed = now;
    return Datum::boolean(changed);
  }

  LoopObject* loop;
  bool cycle;
};

}  // namespace

Datum LoopObject::attribute(Interpreter& interpreter, std::string_view name) {
  auto number = [](size_t n) { return Datum::integer(static_cast<int64_t>(n)); };
  if (name == "index") return number(index + 1);
  if (name == "index0") return number(index);
  if (name == "revindex") return number(length - index);
  if (name == "revindex0") return number(length - index - 1);
  if (name == "first") return Datum::boolean(index == 0);
  if (name == "last") return Datum::boolean(index + 1 == length);
  if (name == "length") return number(length);
  if (name == "depth") return number(depth + 1);
  if (name == "depth0") return number(depth);
  if (name == "previtem") return index == 0 || index > items.size() ? Datum() : items[index - 1];
  if (name == "nextitem") return index + 1 >= items.size() ? Datum() : items[index + 1];
  if (name == "cycle" || name == "changed") {
    return Datum::object(Kind::kCallable, interpreter.heap().make<LoopMethod>(this, name == "cycle"));
  }
  return Datum();
}

void Interpreter::execute_call(const Statement& statement, TextBuilder& out) {
  Datum caller = Datum::object(Kind::kCallable, heap_.make<MacroObject>(statement.macro, capture_scope()));
  print(*this, out, evaluate_call(*statement.expression, &caller));
}

Interpreter::Flow Interpreter::execute_with(const Statement& statement, TextBuilder& out) {
  std::vector<Datum> values;
  for (const auto& [target, expression] : statement.bindings) values.push_back(evaluate(*expression));
  ScopeGuard scope(*this, scope_);
  for (size_t i = 0; i < values.size(); ++i) assign(statement.bindings[i].first, values[i]);
  return execute(statement.body, out);
}

// The text a body writes.
Datum Interpreter::capture(const Body& body) {
  ScopeGuard scope(*this, scope_);
  TextBuilder out(budget_);
  execute(body, out);
  return heap_.text(out.take());
}

Datum Interpreter::call_macro(const MacroSyntax& macro, Scope* definition, Arguments& arguments) {
  Budget::Level level(budget_);
  ScopeGuard scope(*this, definition);
  auto special = [&](std::string_view name, Datum value) {
    auto symbol = tree_.symbols.find(std::string(name));
    if (symbol != tree_.symbols.end()) define(symbol->second, std::move(value));
  };
  auto take_named = [&](std::string_view name) -> std::optional<Datum> {
    auto at = std::find_if(arguments.named.begin(), arguments.named.end(),
                           [&](auto& n) { return n.first == name; });
    if (at == arguments.named.end()) return std::nullopt;
    Datum value = std::move(at->second);
    arguments.named.erase(at);
    return value;
  };
  size_t taken = std::min(arguments.positional.size(), macro.parameters.size());
  for (size_t i = 0; i < macro.parameters.size(); ++i) {
    const MacroSyntax::Parameter& parameter = macro.parameters[i];
    std::optional<Datum> named = take_named(parameter.name);
    if (i < taken) {
      if (named) give_up("macro '{}' got its parameter '{}' twice", macro.name, parameter.name);
      define(parameter.symbol, arguments.positional[i]);
    } else if (named) {
      define(parameter.symbol, std::move(*named));
    } else if (parameter.fallback != nullptr) {
      define(parameter.symbol, evaluate(*parameter.fallback));
    } else {
      define(parameter.symbol, Datum::undefined(&parameter.name));
    }
  }
  std::optional<Datum> caller = take_named("caller");
  if (macro.uses_caller) {
    special("caller", caller ? std::move(*caller) : Datum());
  } else if (caller) {
    give_up("macro '{}' does not use a caller", macro.name);
  }
  if (macro.uses_varargs) {
    special("varargs", heap_.tuple({arguments.positional.begin() + static_cast<std::ptrdiff_t>(taken),
                                    arguments.positional.end()}));
  } else if (arguments.positional.size() > macro.parameters.size()) {
    give_up("macro '{}' takes not more than {} arguments", macro.name, macro.parameters.size());
  }
  if (macro.uses_kwargs) {
    Datum rest = heap_.dict();
    for (auto& [name, value] : arguments.named) heap_.set(rest.dict(), heap_.text(name), value);
    special("kwargs", rest);
  } else if (!arguments.named.empty()) {
    give_up("macro '{}' takes no argument named '{}'", macro.name, arguments.named[0].first);
  }
  TextBuilder out(budget_);
  execute(macro.body, out);
  return heap_.text(out.take());
}

Datum Interpreter::lookup(Symbol symbol) {
  for (const Scope* scope = scope_; scope != nullptr; scope = scope->parent) {
    budget_.spend(scope->variables.size() / kVariablesPerTick);
    for (const auto& [name, value] : scope->variables) {
      if (name == symbol) return value;
    }
  }
  return Datum::undefined(&tree_.names[symbol]);
}

void Interpreter::define(Symbol symbol, Datum value) {
  budget_.spend(scope_->variables.size() / kVariablesPerTick);
  for (auto& [name, old] : scope_->variables) {
    if (name == symbol) {
      old = std::move(value);
      return;
    }
  }
  scope_->variables.emplace_back(symbol, std::move(value));
}

void Interpreter::assign(const Target& target, const Datum& value) {
  switch (target.form) {
    case Target::Form::kName:
      define(target.symbol, value);
      return;
    case Target::Form::kMember: {
      Datum object = lookup(target.symbol);
      if (!object.is(Kind::kNamespace)) give_up("only a namespace has members that can be set");
      heap_.set(object.dict(), heap_.text(target.member), value);
      return;
    }
    case Target::Form::kTuple: {
      if (value.is_undefined()) fail_undefined(value);
      std::vector<Datum> parts = iterate(*this, value);
      if (parts.size() != target.parts.size()) {
        give_up("{} values cannot be unpacked into {} names", parts.size(), target.parts.size());
      }
      for (size_t i = 0; i < parts.size(); ++i) assign(target.parts[i], parts[i]);
      return;
    }
  }
}

// Marks the current scope, and those around it, as kept by a macro.
Scope* Interpreter::capture_scope() {
  for (Scope* scope = scope_; scope != nullptr && !scope->captured; scope = scope->parent)
    scope->captured = true;
  return scope_;
}

}  // namespace hearth::text::jinja
