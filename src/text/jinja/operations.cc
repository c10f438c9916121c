#include "text/jinja/operations.h"

#include <algorithm>
#include <cmath>

#include "text/jinja/interpreter.h"
#include "text/jinja/printing.h"
#include "text/jinja/text_search.h"

namespace hearth::text::jinja {

namespace {

std::string_view spelling(Operator op) {
  switch (op) {
    case Operator::kAdd:
      return "+";
    case Operator::kSubtract:
      return "-";
    case Operator::kMultiply:
      return "*";
    case Operator::kDivide:
      return "/";
    case Operator::kFloorDivide:
      return "//";
    case Operator::kModulo:
      return "%";
    case Operator::kPower:
      return "**";
    default:
      return "comparison";
  }
}

[[noreturn]] void fail_overflow() {
  give_up("integer overflow");
}

int64_t checked_multiply(int64_t a, int64_t b) {
  int64_t r;
  if (__builtin_mul_overflow(a, b, &r)) fail_overflow();
  return r;
}

int64_t checked_subtract(int64_t a, int64_t b) {
  int64_t r;
  if (__builtin_sub_overflow(a, b, &r)) fail_overflow();
  return r;
}

int64_t checked_sum(int64_t a, int64_t b) {
  int64_t r;
  if (__builtin_add_overflow(a, b, &r)) fail_overflow();
  return r;
}

Datum integer_power(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) give_up("division by zero");
    return Datum::real(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  int64_t result = 1;
  for (int64_t square = base; exponent != 0;) {
    if (exponent & 1) result = checked_multiply(result, square);
    exponent >>= 1;
    if (exponent != 0) square = checked_multiply(square, square);
  }
  return Datum::integer(result);
}

Datum integer_arithmetic(Operator op, int64_t a, int64_t b) {
  switch (op) {
    case Operator::kAdd:
      return Datum::integer(checked_sum(a, b));
    case Operator::kSubtract:
      return Datum::integer(checked_subtract(a, b));
    case Operator::kMultiply:
      return Datum::integer(checked_multiply(a, b));
    case Operator::kPower:
      return integer_power(a, b);
    default:
      break;
  }
  if (b == 0) give_up("division by zero");
  if (op == Operator::kDivide) return Datum::real(static_cast<double>(a) / static_cast<double>(b));
  if (b == -1) return Datum::integer(op == Operator::kModulo ? 0 : checked_subtract(0, a));
  bool adjust = a % b != 0 && (a < 0) != (b < 0);  // Python rounds down
  if (op == Operator::kFloorDivide) return Datum::integer(a / b - (adjust ? 1 : 0));
  return Datum::integer(a % b + (adjust ? b : 0));
}

Datum real_arithmetic(Operator op, double a, double b) {
  switch (op) {
    case Operator::kAdd:
      return Datum::real(a + b);
    case Operator::kSubtract:
      return Datum::real(a - b);
    case Operator::kMultiply:
      return Datum::real(a * b);
    case Operator::kPower: {
      double power = std::pow(a, b);
      if (!std::isfinite(power) && std::isfinite(a) && std::isfinite(b)) give_up("'**' has no finite result");
      return Datum::real(power);
    }
    default:
      break;
  }
  if (b == 0) give_up("division by zero");
  if (op == Operator::kDivide) return Datum::real(a / b);
  double remainder = std::fmod(a, b);
  if (remainder != 0 && (remainder < 0) != (b < 0)) remainder += b;
  if (op == Operator::kModulo) return Datum::real(remainder);
  return Datum::real(std::floor((a - remainder) / b + 0.5));
}

Datum repeat(Interpreter& interpreter, const Datum& what, int64_t times) {
  size_t count = times > 0 ? static_cast<size_t>(times) : 0;
  if (what.is_string()) {
    const MarkedText& text = what.text();
    size_t total;
    if (__builtin_mul_overflow(text.bytes.size(), count, &total)) total = SIZE_MAX;
    interpreter.budget().check_length(total);
    TextBuilder out(interpreter.budget());
    if (text.bytes.empty()) count = 0;
    interpreter.budget().spend(count);
    for (size_t i = 0; i < count; ++i) out.append(text);
    MarkedText result = out.take();
    result.markup = text.markup;
    return interpreter.heap().text(std::move(result));
  }
  std::vector<Datum> items;
  size_t size = what.items().size();
  size_t total;
  if (__builtin_mul_overflow(size, count, &total)) total = SIZE_MAX;
  interpreter.budget().spend(total);
  interpreter.budget().hold_container(total, sizeof(Datum));
  if (size == 0) count = 0;
  items.reserve(total);
  for (size_t i = 0; i < count; ++i) items.insert(items.end(), what.items().begin(), what.items().end());
  return interpreter.heap().sequence(what.kind(), std::move(items), type_name(what));
}

template <typename T>
int order(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

size_t wrapped(int64_t index, size_t size) {  // SIZE_MAX when out of range
  if (index < 0) index += static_cast<int64_t>(size);
  if (index < 0 || static_cast<size_t>(index) >= size) return SIZE_MAX;
  return static_cast<size_t>(index);
}

Datum string_at(Interpreter& interpreter, const Datum& object, int64_t index) {
  const MarkedText& text = object.text();
  interpreter.budget().spend_characters(text.bytes.size());
  size_t at = wrapped(index, code_point_count(text.bytes));
  if (at == SIZE_MAX) return Datum();
  size_t begin = 0;
  for (; at > 0; --at) begin = code_point_at(text.bytes, begin).end;
  TextBuilder out(interpreter.budget());
  out.append(text, begin, code_point_at(text.bytes, begin).end);
  MarkedText result = out.take();
  result.markup = text.markup;
  return interpreter.heap().text(std::move(result));
}

// The positions that start:stop:step selects among `size`.
std::vector<size_t> slice_positions(size_t size, const Datum& start, const Datum& stop,
                                    const Datum& step_value) {
  auto given = [](const Datum& d) { return !d.is_none(); };
  int64_t n = static_cast<int64_t>(size);
  int64_t step = given(step_value) ? expect_integer(step_value, "a slice step") : 1;
  if (step == 0) give_up("a slice step cannot be zero");
  auto bound = [&](const Datum& d, int64_t otherwise) {
    if (!given(d)) return otherwise;
    int64_t i = expect_integer(d, "a slice bound");
    if (i < 0) i = i < -n ? -1 : i + n;
    if (i < 0) return step < 0 ? int64_t{-1} : int64_t{0};
    return std::min(i, step < 0 ? n - 1 : n);
  };
  int64_t from = bound(start, step < 0 ? n - 1 : 0);
  int64_t to = bound(stop, step < 0 ? -1 : n);
  std::vector<size_t> positions;
  if (step > 0) {
    for (int64_t i = from; i<to; i = step> n ? to : i + step) positions.push_back(static_cast<size_t>(i));
  } else {
    for (int64_t i = from; i > to; i = step < -n ? to : i + step) positions.push_back(static_cast<size_t>(i));
  }
  return positions;
}

}  // namespace

void fail_undefined(const Datum& value) {
  if (value.is_undefined() && value.hint() != nullptr) give_up("'{}' is undefined", *value.hint());
  give_up("a value is undefined");
}

bool truthy(const Datum& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return false;
    case Kind::kBool:
    case Kind::kInteger:
      return value.integer() != 0;
    case Kind::kFloat:
      return value.real() != 0;
    case Kind::kString:
      return !value.bytes().empty();
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kView:
      return !value.items().empty();
    case Kind::kRange:
      return value.range().size() != 0;
    case Kind::kDict:
      return !value.dict().entries.empty();
    default:
      return true;
  }
}

bool equal(Interpreter& interpreter, const Datum& a, const Datum& b) {
  if (a.is_number() && b.is_number()) {
    if (a.is_integral() && b.is_integral()) return a.integer() == b.integer();
    return a.number() == b.number();
  }
  if (a.kind() != b.kind()) return false;
  Budget::Level level(interpreter.budget());
  interpreter.budget().spend();
  switch (a.kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return true;
    case Kind::kString:
      interpreter.budget().spend_bytes(a.bytes().size());
      return a.bytes() == b.bytes();
    case Kind::kList:
    case Kind::kTuple: {
      const auto& left = a.items();
      const auto& right = b.items();
      if (left.size() != right.size()) return false;
      for (size_t i = 0; i < left.size(); ++i) {
        if (!equal(interpreter, left[i], right[i])) return false;
      }
      return true;
    }
    case Kind::kDict: {
      if (a.dict().entries.size() != b.dict().entries.size()) return false;
      for (const auto& [key, value] : a.dict().entries) {
        interpreter.budget().spend();
        const Datum* other = b.dict().find(key);
        if (other == nullptr || !equal(interpreter, value, *other)) return false;
      }
      return true;
    }
    case Kind::kRange: {
      RangeObject &left = a.range(), &right = b.range();
      size_t n = left.size();
      return n == right.size() &&
             (n == 0 || (left.start == right.start && (n == 1 || left.step == right.step)));
    }
    default:
      return a.raw_object() == b.raw_object();
  }
}

int compare(Interpreter& interpreter, const Datum& a, const Datum& b) {
  if (a.is_undefined()) fail_undefined(a);
  if (b.is_undefined()) fail_undefined(b);
  if (a.is_number() && b.is_number()) {
    if (a.is_integral() && b.is_integral()) return order(a.integer(), b.integer());
    return order(a.number(), b.number());
  }
  if (a.is_string() && b.is_string()) {
    interpreter.budget().spend_bytes(std::min(a.bytes().size(), b.bytes().size()));
    return order(a.bytes(), b.bytes());
  }
  if (a.kind() == b.kind() && (a.is(Kind::kList) || a.is(Kind::kTuple))) {
    Budget::Level level(interpreter.budget());
    const auto& left = a.items();
    const auto& right = b.items();
    for (size_t i = 0; i < left.size() && i < right.size(); ++i) {
      interpreter.budget().spend();
      if (!equal(interpreter, left[i], right[i])) return compare(interpreter, left[i], right[i]);
    }
    return order(left.size(), right.size());
  }
  give_up("{} and {} have no order", type_name(a), type_name(b));
}

bool contains(Interpreter& interpreter, const Datum& container, const Datum& item) {
  switch (container.kind()) {
    case Kind::kString:
      if (item.is_undefined()) fail_undefined(item);
      if (!item.is_string()) give_up("'in' wants a string on the left of a string, not {}", type_name(item));
      spend_search(interpreter.budget(), container.bytes(), item.bytes());
      return find_text(container.bytes(), item.bytes()) != std::string::npos;
    case Kind::kDict:
      if (item.is_string()) interpreter.budget().spend_bytes(item.bytes().size());
      return container.dict().find(item) != nullptr;
    case Kind::kRange: {
      if (!item.is_integral()) return false;
      RangeObject& range = container.range();
      int64_t i = item.integer();
      bool inside = range.step > 0 ? i >= range.start && i < range.stop : i <= range.start && i > range.stop;
      return inside && (static_cast<__int128>(i) - range.start) % range.step == 0;
    }
    default:
      for (const Datum& element : iterate(interpreter, container)) {
        if (equal(interpreter, element, item)) return true;
      }
      return false;
  }
}

Datum join_texts(Interpreter& interpreter, const MarkedText& a, const MarkedText& b) {
  TextBuilder out(interpreter.budget());
  bool markup = a.markup || b.markup;
  for (const MarkedText* part : {&a, &b}) {
    if (markup && !part->markup) {
      out.append(escape_html(interpreter.budget(), *part));
    } else {
      out.append(*part);
    }
  }
  MarkedText result = out.take();
  result.markup = markup;
  return interpreter.heap().text(std::move(result));
}

Datum arithmetic(Interpreter& interpreter, Operator op, const Datum& a, const Datum& b) {
  if (op == Operator::kModulo && a.is_string()) return percent_format(interpreter, a, b);
  if (a.is_undefined()) fail_undefined(a);
  if (b.is_undefined()) fail_undefined(b);
  if (a.is_number() && b.is_number()) {
    if (a.is_integral() && b.is_integral()) return integer_arithmetic(op, a.integer(), b.integer());
    return real_arithmetic(op, a.number(), b.number());
  }
  auto repeatable = [](const Datum& d) { return d.is_string() || d.is(Kind::kList) || d.is(Kind::kTuple); };
  if (op == Operator::kAdd && a.kind() == b.kind() && repeatable(a)) {
    if (a.is_string()) return join_texts(interpreter, a.text(), b.text());
    interpreter.budget().hold_container(a.items().size() + b.items().size(), sizeof(Datum));
    std::vector<Datum> items = a.items();
    items.insert(items.end(), b.items().begin(), b.items().end());
    return interpreter.heap().sequence(a.kind(), std::move(items), type_name(a));
  }
  if (op == Operator::kMultiply && repeatable(a) && b.is_integral())
    return repeat(interpreter, a, b.integer());
  if (op == Operator::kMultiply && repeatable(b) && a.is_integral())
    return repeat(interpreter, b, a.integer());
  give_up("'{}' cannot be used with {} and {}", spelling(op), type_name(a), type_name(b));
}

Datum negate(const Datum& value) {
  if (value.is_undefined()) fail_undefined(value);
  if (value.is(Kind::kFloat)) return Datum::real(-value.real());
  if (value.is_integral()) return integer_arithmetic(Operator::kSubtract, 0, value.integer());
  give_up("{} cannot be negated", type_name(value));
}

Datum attribute(Interpreter& interpreter, const Datum& object, const std::string& name) {
  switch (object.kind()) {
    case Kind::kUndefined:
      fail_undefined(object);
    case Kind::kNamespace:
      if (Datum* value = object.dict().find(name)) return *value;
      break;
    case Kind::kLoop:
    case Kind::kCallable:
      return object.callable().attribute(interpreter, name);
    case Kind::kTuple:
      if (object.sequence().is_group) {
        if (name == "grouper") return object.items()[0];
        if (name == "list") return object.items()[1];
      }
      [[fallthrough]];
    default: {
      Datum method = find_method(interpreter, object, name);
      if (!method.is_undefined()) return method;
      if (object.is(Kind::kDict)) {
        if (Datum* value = object.dict().find(name)) return *value;
      }
    }
  }
  return Datum::undefined(&name);
}

Datum subscript(Interpreter& interpreter, const Datum& object, const Datum& index) {
  if (object.is_undefined()) fail_undefined(object);
  if (object.is(Kind::kDict)) {
    bool can_be_key = !index.is_undefined() &&
                      (index.is_number() || index.is_none() || index.is_string() || index.is(Kind::kTuple));
    if (can_be_key) {
      if (index.is_string()) interpreter.budget().spend_bytes(index.bytes().size());
      if (Datum* value = object.dict().find(index)) return *value;
    }
  } else if (index.is_integral()) {
    int64_t at = index.integer();
    if (object.is_string()) return string_at(interpreter, object, at);
    if (object.is(Kind::kList) || object.is(Kind::kTuple)) {
      size_t position = wrapped(at, object.items().size());
      return position == SIZE_MAX ? Datum() : object.items()[position];
    }
    if (object.is(Kind::kRange)) {
      size_t position = wrapped(at, object.range().size());
      return position == SIZE_MAX ? Datum() : object.range().at(position);
    }
  }
  if (index.is_string()) {
    if (object.is(Kind::kNamespace)) {
      if (Datum* value = object.dict().find(index)) return *value;
      return Datum();
    }
    Datum value = object.is(Kind::kLoop) || object.is(Kind::kCallable)
                      ? object.callable().attribute(interpreter, index.bytes())
                      : find_method(interpreter, object, index.bytes());
    // The name may die before the value does: no hint.
    return value.is_undefined() ? Datum() : value;
  }
  return Datum();
}

Datum slice(Interpreter& interpreter, const Datum& object, const Datum& start, const Datum& stop,
            const Datum& step) {
  if (object.is_undefined()) fail_undefined(object);
  Heap& heap = interpreter.heap();
  if (object.is_string()) {
    const MarkedText& text = object.text();
    interpreter.budget().spend_characters(text.bytes.size());
    std::vector<size_t> offsets = code_point_offsets(text.bytes);
    std::vector<size_t> positions = slice_positions(offsets.size() - 1, start, stop, step);
    TextBuilder out(interpreter.budget());
    if (!positions.empty() && positions.back() - positions.front() + 1 == positions.size()) {
      out.append(text, offsets[positions.front()], offsets[positions.back() + 1]);
    } else {
      interpreter.budget().spend(positions.size());
      for (size_t position : positions) out.append(text, offsets[position], offsets[position + 1]);
    }
    MarkedText result = out.take();
    result.markup = text.markup;
    return heap.text(std::move(result));
  }
  if (object.is(Kind::kList) || object.is(Kind::kTuple)) {
    std::vector<Datum> items;
    std::vector<size_t> positions = slice_positions(object.items().size(), start, stop, step);
    interpreter.budget().spend(positions.size());
    for (size_t position : positions) items.push_back(object.items()[position]);
    return heap.sequence(object.kind(), std::move(items), type_name(object));
  }
  if (object.is(Kind::kRange)) {
    RangeObject& range = object.range();
    std::vector<size_t> positions = slice_positions(range.size(), start, stop, step);
    interpreter.budget().spend(positions.size());
    int64_t stride = checked_multiply(step.is_none() ? 1 : step.integer(), range.step);
    if (positions.empty()) return heap.range(0, 0, 1);
    int64_t first = range.at(positions.front()).integer();
    return heap.range(first, range.at(positions.back()).integer() + (stride > 0 ? 1 : -1), stride);
  }
  give_up("{} cannot be sliced", type_name(object));
}

std::vector<Datum> iterate(Interpreter& interpreter, const Datum& value) {
  std::vector<Datum> items;
  Budget& budget = interpreter.budget();
  switch (value.kind()) {
    case Kind::kUndefined:
      return items;
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kView:
      budget.spend(value.items().size());
      return value.items();
    case Kind::kIterator:
      budget.spend(value.items().size());
      items.swap(value.items());
      return items;
    case Kind::kRange:
      budget.spend(value.range().size());
      items.reserve(value.range().size());
      for (size_t i = 0; i < value.range().size(); ++i) items.push_back(value.range().at(i));
      return items;
    case Kind::kDict:
      budget.spend(value.dict().entries.size());
      for (const auto& [key, unused] : value.dict().entries) items.push_back(key);
      return items;
    case Kind::kString: {
      const MarkedText& text = value.text();
      for (size_t at = 0; at < text.bytes.size();) {
        CodePoint c = code_point_at(text.bytes, at);
        TextBuilder out(budget);
        budget.spend(2);
        out.append(text, c.begin, c.end);
        items.push_back(interpreter.heap().text(out.take()));
        at = c.end;
      }
      return items;
    }
    default:
      give_up("{} cannot be iterated over", type_name(value));
  }
}

std::optional<size_t> length(const Datum& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return 0;
    case Kind::kString:
      return code_point_count(value.bytes());
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kView:
      return value.items().size();
    case Kind::kRange:
      return value.range().size();
    case Kind::kDict:
      return value.dict().entries.size();
    default:
      return std::nullopt;
  }
}

Datum to_text(Interpreter& interpreter, const Datum& value) {
  if (value.is_string()) return value;
  TextBuilder out(interpreter.budget());
  print(interpreter, out, value);
  return interpreter.heap().text(out.take());
}

int64_t expect_integer(const Datum& value, std::string_view what) {
  if (value.is_undefined()) fail_undefined(value);
  if (!value.is_integral()) give_up("{} must be an integer, not {}", what, type_name(value));
  return value.integer();
}

}  // namespace hearth::text::jinja
