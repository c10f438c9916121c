// Functions every template can call.
#include <array>

#include "text/jinja/clock.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/methods.h"
#include "text/jinja/operations.h"

namespace hearth::text::jinja {

namespace {

using Function = Datum (*)(Interpreter&, Arguments& arguments);

struct FunctionObject : CallableObject {
  explicit FunctionObject(Function function) : function(function) {}
  Datum call(Interpreter& interpreter, Arguments& arguments) override {
    return function(interpreter, arguments);
  }

  Function function;
};

constexpr size_t kMaxRange = 100'000;

Datum range(Interpreter& interpreter, Arguments& arguments) {
  arguments.expect("range", 1, 3);
  std::array<int64_t, 3> bounds{0, 0, 1};
  size_t n = arguments.positional.size();
  for (size_t i = 0; i < n; ++i) bounds[n == 1 ? 1 : i] = expect_integer(arguments.positional[i], "range");
  if (bounds[2] == 0) give_up("range: the step cannot be zero");
  Datum result = interpreter.heap().range(bounds[0], bounds[1], bounds[2]);
  if (result.range().size() > kMaxRange) give_up("range: more than {} elements", kMaxRange);
  return result;
}

Datum make_dict(Interpreter& interpreter, Arguments& arguments) {
  if (arguments.positional.size() > 1) give_up("dict takes one mapping");
  Datum result = interpreter.heap().dict();
  for (const Datum& source : arguments.positional) add_to_dict(interpreter, result.dict(), source);
  for (auto& [name, value] : arguments.named) {
    interpreter.heap().set(result.dict(), interpreter.heap().text(name), value);
  }
  return result;
}

Datum make_namespace(Interpreter& interpreter, Arguments& arguments) {
  Datum dict = make_dict(interpreter, arguments);
  return Datum::object(Kind::kNamespace, dict.raw_object());
}

Datum raise_exception(Interpreter& interpreter, Arguments& arguments) {
  arguments.expect("raise_exception", 0, 1, {"message"});
  const Datum* message = arguments.find(0, "message");
  throw TemplateFailure{ErrorCategory::kInvalidArgument,
                        message == nullptr ? "" : to_text(interpreter, *message).bytes()};
}

Datum strftime_now(Interpreter& interpreter, Arguments& arguments) {
  arguments.expect("strftime_now", 1, 1, {"format"});
  const Datum* format = arguments.find(0, "format");
  if (format == nullptr || !format->is_string()) give_up("strftime_now needs a format");
  interpreter.budget().spend(format->bytes().size());
  return interpreter.heap().text(format_time(interpreter.now_unix_seconds(), format->bytes()),
                                 format->text().any_untrusted());
}

// Empty the first time, then its separator.
struct Joiner : CallableObject {
  explicit Joiner(Datum separator) : separator(std::move(separator)) {}
  Datum call(Interpreter& interpreter, Arguments& arguments) override {
    arguments.expect("a joiner", 0, 0);
    if (std::exchange(used, true)) return separator;
    return interpreter.heap().text("");
  }

  Datum separator;
  bool used = false;
};

Datum make_joiner(Interpreter& interpreter, Arguments& arguments) {
  arguments.expect("joiner", 0, 1, {"sep"});
  const Datum* separator = arguments.find(0, "sep");
  return Datum::object(
      Kind::kCallable,
      interpreter.heap().make<Joiner>(separator == nullptr ? interpreter.heap().text(", ") : *separator));
}

struct Cycler : CallableObject {
  explicit Cycler(std::vector<Datum> items) : items(std::move(items)) {}
  Datum call(Interpreter&, Arguments&) override { give_up("a cycler has the methods next and reset"); }
  Datum attribute(Interpreter& interpreter, std::string_view name) override;

  std::vector<Datum> items;
  size_t position = 0;
};

template <bool kNext>
struct CyclerMethod : CallableObject {
  explicit CyclerMethod(Cycler* cycler) : cycler(cycler) {}
  Datum call(Interpreter&, Arguments& arguments) override {
    arguments.expect("a method of a cycler", 0, 0);
    size_t now = cycler->position;
    cycler->position = kNext ? (now + 1) % cycler->items.size() : 0;
    return kNext ? cycler->items[now] : Datum::none();
  }

  Cycler* cycler;
};

Datum Cycler::attribute(Interpreter& interpreter, std::string_view name) {
  Heap& heap = interpreter.heap();
  if (name == "current") return items[position];
  if (name == "next") return Datum::object(Kind::kCallable, heap.make<CyclerMethod<true>>(this));
  if (name == "reset") return Datum::object(Kind::kCallable, heap.make<CyclerMethod<false>>(this));
  return Datum();
}

Datum make_cycler(Interpreter& interpreter, Arguments& arguments) {
  if (arguments.positional.empty() || !arguments.named.empty()) give_up("cycler needs at least one item");
  return Datum::object(Kind::kCallable, interpreter.heap().make<Cycler>(arguments.positional));
}

}  // namespace

std::optional<Datum> global_function(Interpreter& interpreter, std::string_view name) {
  static constexpr std::pair<std::string_view, Function> kFunctions[] = {
      {"cycler", make_cycler},        {"dict", make_dict}, {"joiner", make_joiner},
      {"namespace", make_namespace},  {"range", range},    {"raise_exception", raise_exception},
      {"strftime_now", strftime_now},
  };
  for (auto [known, function] : kFunctions) {
    if (known == name) {
      return Datum::object(Kind::kCallable, interpreter.heap().make<FunctionObject>(function));
    }
  }
  return std::nullopt;
}

}  // namespace hearth::text::jinja
