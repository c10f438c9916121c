// The tests behind `is`.
#include <cmath>

#include "text/jinja/interpreter.h"
#include "text/jinja/operations.h"

namespace hearth::text::jinja {

namespace {

template <Kind kKind>
bool is_kind(Interpreter&, const Datum& value, Arguments& arguments) {
  arguments.expect("a test", 0, 0);
  return value.is(kKind);
}

template <bool (*kIs)(const Datum&)>
bool plain(Interpreter&, const Datum& value, Arguments& arguments) {
  arguments.expect("a test", 0, 0);
  return kIs(value);
}

bool defined(const Datum& v) {
  return !v.is_undefined();
}
bool is_true(const Datum& v) {
  return v.is(Kind::kBool) && v.integer() != 0;
}
bool is_false(const Datum& v) {
  return v.is(Kind::kBool) && v.integer() == 0;
}
bool number(const Datum& v) {
  return v.is_number();
}
bool callable(const Datum& v) {
  return v.is(Kind::kCallable) || v.is(Kind::kLoop) || v.is_undefined();
}
bool sequence(const Datum& v) {
  return v.is_undefined() || v.is_string() || v.is(Kind::kList) || v.is(Kind::kTuple) || v.is(Kind::kRange) ||
         v.is(Kind::kDict);
}
bool iterable(const Datum& v) {
  return sequence(v) || v.is(Kind::kIterator) || v.is(Kind::kView) || v.is(Kind::kLoop);
}
bool escaped(const Datum& v) {
  return v.is_string() && v.text().markup;
}

// value % divisor == 0
bool divides(const Datum& value, const Datum& divisor) {
  for (const Datum* number : {&value, &divisor}) {
    if (number->is_undefined()) fail_undefined(*number);
    if (!number->is_number()) give_up("a test needs a number, not {}", type_name(*number));
  }
  if (divisor.number() == 0) give_up("division by zero");
  if (!value.is_integral() || !divisor.is_integral()) return std::fmod(value.number(), divisor.number()) == 0;
  return divisor.integer() == -1 || value.integer() % divisor.integer() == 0;
}
bool even(const Datum& v) {
  return divides(v, Datum::integer(2));
}
// Not the opposite of even: 2.5 is neither.
bool odd(const Datum& v) {
  bool halves = divides(v, Datum::integer(2));
  return v.is(Kind::kFloat) ? std::abs(std::fmod(v.number(), 2)) == 1 : !halves;
}

const Datum& operand(const Arguments& arguments) {
  arguments.expect("a test", 1, 1);
  return arguments.positional.at(0);
}

bool divisible_by(Interpreter&, const Datum& value, Arguments& arguments) {
  return divides(value, operand(arguments));
}

template <Operator kOp>
bool relation(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  const Datum& other = operand(arguments);
  switch (kOp) {
    case Operator::kEqual:
      return equal(interpreter, value, other);
    case Operator::kNotEqual:
      return !equal(interpreter, value, other);
    case Operator::kLess:
      return compare(interpreter, value, other) < 0;
    case Operator::kLessEqual:
      return compare(interpreter, value, other) <= 0;
    case Operator::kGreater:
      return compare(interpreter, value, other) > 0;
    case Operator::kGreaterEqual:
      return compare(interpreter, value, other) >= 0;
    default:
      return contains(interpreter, other, value);
  }
}

bool same_as(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  const Datum& other = operand(arguments);
  if (value.kind() != other.kind()) return false;
  bool by_value = value.is_number() || value.is_none() || value.is_undefined() || value.is_string();
  return by_value ? equal(interpreter, value, other) : value.raw_object() == other.raw_object();
}

bool has_case(Interpreter& interpreter, const Datum& value, bool upper) {
  Arguments none;
  Datum text = to_text(interpreter, value);
  Datum method = find_method(interpreter, text, upper ? "isupper" : "islower");
  return truthy(interpreter.call(method, none));
}

template <bool kUpper>
bool letter_case(Interpreter& interpreter, const Datum& value, Arguments& arguments) {
  arguments.expect("a test of letter case", 0, 0);
  return has_case(interpreter, value, kUpper);
}

bool known_filter(Interpreter&, const Datum& value, Arguments& arguments) {
  arguments.expect("filter", 0, 0);
  return value.is_string() && find_filter(value.bytes()) != nullptr;
}
bool known_test(Interpreter&, const Datum& value, Arguments& arguments) {
  arguments.expect("test", 0, 0);
  return value.is_string() && find_test(value.bytes()) != nullptr;
}

}  // namespace

Test find_test(std::string_view name) {
  static constexpr std::pair<std::string_view, Test> kTests[] = {
      {"!=", relation<Operator::kNotEqual>},
      {"<", relation<Operator::kLess>},
      {"<=", relation<Operator::kLessEqual>},
      {"==", relation<Operator::kEqual>},
      {">", relation<Operator::kGreater>},
      {">=", relation<Operator::kGreaterEqual>},
      {"boolean", is_kind<Kind::kBool>},
      {"callable", plain<callable>},
      {"defined", plain<defined>},
      {"divisibleby", divisible_by},
      {"eq", relation<Operator::kEqual>},
      {"equalto", relation<Operator::kEqual>},
      {"escaped", plain<escaped>},
      {"even", plain<even>},
      {"false", plain<is_false>},
      {"filter", known_filter},
      {"float", is_kind<Kind::kFloat>},
      {"ge", relation<Operator::kGreaterEqual>},
      {"greaterthan", relation<Operator::kGreater>},
      {"gt", relation<Operator::kGreater>},
      {"in", relation<Operator::kIn>},
      {"integer", is_kind<Kind::kInteger>},
      {"iterable", plain<iterable>},
      {"le", relation<Operator::kLessEqual>},
      {"lessthan", relation<Operator::kLess>},
      {"lower", letter_case<false>},
      {"lt", relation<Operator::kLess>},
      {"mapping", is_kind<Kind::kDict>},
      {"ne", relation<Operator::kNotEqual>},
      {"none", is_kind<Kind::kNone>},
      {"number", plain<number>},
      {"odd", plain<odd>},
      {"sameas", same_as},
      {"sequence", plain<sequence>},
      {"string", is_kind<Kind::kString>},
      {"test", known_test},
      {"true", plain<is_true>},
      {"undefined", is_kind<Kind::kUndefined>},
      {"upper", letter_case<true>},
  };
  for (auto [known, test] : kTests) {
    if (known == name) return test;
  }
  return nullptr;
}

}  // namespace hearth::text::jinja
