// What operators, subscripts and loops do with values: Python's rules, bounded.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "text/jinja/datum.h"
#include "text/jinja/syntax.h"

namespace hearth::text::jinja {

[[noreturn]] void fail_undefined(const Datum& value);

bool truthy(const Datum& value);
bool equal(Interpreter& interpreter, const Datum& a, const Datum& b);
// Negative, zero or positive; fails for values without an order.
int compare(Interpreter& interpreter, const Datum& a, const Datum& b);
bool contains(Interpreter& interpreter, const Datum& container, const Datum& item);

Datum arithmetic(Interpreter& interpreter, Operator op, const Datum& a, const Datum& b);
Datum negate(const Datum& value);

// object.name and object[index]; undefined when there is no such member.
Datum attribute(Interpreter& interpreter, const Datum& object, const std::string& name);
Datum subscript(Interpreter& interpreter, const Datum& object, const Datum& index);
Datum slice(Interpreter& interpreter, const Datum& object, const Datum& start, const Datum& stop,
            const Datum& step);

// All elements of something that can be walked. A one-shot iterator is empty afterwards.
std::vector<Datum> iterate(Interpreter& interpreter, const Datum& value);
// The number of elements, where the type has one.
std::optional<size_t> length(const Datum& value);

// str(value): strings stay as they are.
Datum to_text(Interpreter& interpreter, const Datum& value);
// Markup when either side is: then the other side is escaped.
Datum join_texts(Interpreter& interpreter, const MarkedText& a, const MarkedText& b);

int64_t expect_integer(const Datum& value, std::string_view what);

}  // namespace hearth::text::jinja
