// Numbers between bounds, as expressions over their digits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "text/grammar/rules.h"

namespace hearth::text::grammar {

// Whole numbers, both bounds inclusive. Without a bound, a number has up to 16 digits on that side.
// nullopt when there is none.
std::optional<ExpressionId> whole_numbers(Rules& rules, std::optional<int64_t> min,
                                          std::optional<int64_t> max);

struct Bound {
  double value = 0;
  bool exclusive = false;
};

// Decimal numbers without an exponent and with up to 16 digits after the last one that a bound needs.
// kInvalidArgument when there is none, or none of up to 16 digits before the point.
Result<ExpressionId> decimal_numbers(Rules& rules, std::optional<Bound> min, std::optional<Bound> max);

}  // namespace hearth::text::grammar
