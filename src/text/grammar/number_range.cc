#include "text/grammar/number_range.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <string_view>
#include <vector>

namespace hearth::text::grammar {
namespace {

constexpr size_t kMaxDigits = 16;
constexpr uint64_t kLargest = 9'999'999'999'999'999;  // of kMaxDigits digits
constexpr double kTooLarge = 1e16;

// Expressions over digits. Texts of digits are compared from the left, as numbers of equal length are and as
// fractions are.
class Digits {
 public:
  explicit Digits(Rules& rules) : rules_(rules) {}

  ExpressionId digit(char first = '0', char last = '9') {
    return rules_.characters({{static_cast<uint32_t>(first), static_cast<uint32_t>(last)}});
  }
  ExpressionId any(uint32_t min, uint32_t max) { return rules_.repeat(digit(), min, max); }
  ExpressionId zeros(uint32_t min) { return rules_.repeat(rules_.bytes("0"), min, kMaxDigits); }

  // Texts as long as `low` and `high`, which are equally long, and between them. Either may be missing.
  ExpressionId between(std::optional<std::string_view> low, std::optional<std::string_view> high,
                       size_t length) {
    if (length == 0) return rules_.empty();
    if (!low && !high) return any(static_cast<uint32_t>(length), static_cast<uint32_t>(length));
    const char a = low ? low->front() : '0';
    const char b = high ? high->front() : '9';
    const auto rest = [](std::optional<std::string_view> bound) {
      return bound ? std::optional(bound->substr(1)) : std::nullopt;
    };
    if (a == b) return rules_.sequence({digit(a, a), between(rest(low), rest(high), length - 1)});
    std::vector<ExpressionId> choices;
    char first = a, last = b;
    if (low) {
      choices.push_back(rules_.sequence({digit(a, a), between(rest(low), std::nullopt, length - 1)}));
      ++first;
    }
    if (high) {
      choices.push_back(rules_.sequence({digit(b, b), between(std::nullopt, rest(high), length - 1)}));
      --last;
    }
    if (first <= last) {
      choices.push_back(
          rules_.sequence({digit(first, last), between(std::nullopt, std::nullopt, length - 1)}));
    }
    return rules_.choice(std::move(choices));
  }

  // Numbers without leading zeros; `high` has at most as many digits as are allowed.
  std::optional<ExpressionId> whole(uint64_t low, uint64_t high) {
    if (low > high) return std::nullopt;
    std::vector<ExpressionId> choices;
    const std::string from = std::to_string(low), to = std::to_string(high);
    for (size_t length = from.size(); length <= to.size(); ++length) {
      const bool lowest = length == from.size(), highest = length == to.size();
      const std::string least = length == 1 ? "0" : "1" + std::string(length - 1, '0');
      choices.push_back(between(lowest ? std::string_view(from) : std::string_view(least),
                                highest ? std::optional<std::string_view>(to) : std::nullopt, length));
    }
    return rules_.choice(std::move(choices));
  }

  // The digits after a point, at least one of them, so that 0.digits lies between the bounds. A bound's
  // digits have no zeros at the end; without `high` the number stays below one anyway. nullopt when there are
  // none.
  struct Fraction {
    std::string_view digits;
    bool exclusive = false;
  };
  std::optional<ExpressionId> fraction(Fraction low, std::optional<Fraction> high) {
    const bool no_low = low.digits.empty() && !low.exclusive;
    if (no_low && !high) return any(1, kMaxDigits);
    if (low.digits.empty() && !high) {
      return rules_.sequence({zeros(0), digit('1', '9'), any(0, kMaxDigits)});
    }
    if (high && high->digits.empty()) {
      return no_low && !high->exclusive ? std::optional(zeros(1)) : std::nullopt;
    }
    const char a = low.digits.empty() ? '0' : low.digits.front();
    const char b = high ? high->digits.front() : '9';
    if (a > b) return std::nullopt;
    const Fraction low_rest{low.digits.empty() ? low.digits : low.digits.substr(1), low.exclusive};
    std::optional<Fraction> high_rest;
    if (high) high_rest = Fraction{high->digits.substr(1), high->exclusive};
    if (a == b) return after_digit(a, low_rest, high_rest);
    std::vector<ExpressionId> choices;
    const auto add = [&](std::optional<ExpressionId> choice) {
      if (choice) choices.push_back(*choice);
    };
    add(after_digit(a, low_rest, std::nullopt));
    if (high) add(after_digit(b, {}, high_rest));
    const char last = high ? static_cast<char>(b - 1) : b;
    if (a + 1 <= last) {
      add(rules_.sequence({digit(static_cast<char>(a + 1), last), any(0, kMaxDigits)}));
    }
    if (choices.empty()) return std::nullopt;
    return rules_.choice(std::move(choices));
  }

  // A point and such digits, or nothing where the bounds allow a fraction of zero.
  std::optional<ExpressionId> optional_fraction(Fraction low, std::optional<Fraction> high) {
    const std::optional<ExpressionId> digits = fraction(low, high);
    const bool zero =
        low.digits.empty() && !low.exclusive && !(high && high->digits.empty() && high->exclusive);
    if (!digits) return zero ? std::optional(rules_.empty()) : std::nullopt;
    const ExpressionId pointed = rules_.sequence({rules_.bytes("."), *digits});
    return zero ? rules_.optional(pointed) : pointed;
  }

 private:
  std::optional<ExpressionId> after_digit(char d, Fraction low, std::optional<Fraction> high) {
    const std::optional<ExpressionId> more = fraction(low, high);
    const bool may_end =
        low.digits.empty() && !low.exclusive && !(high && high->digits.empty() && high->exclusive);
    if (!more) return may_end ? std::optional(digit(d, d)) : std::nullopt;
    return rules_.sequence({digit(d, d), may_end ? rules_.optional(*more) : *more});
  }

  Rules& rules_;
};

// A number that is not negative, as the digits before and after the point.
struct Decimal {
  uint64_t whole = 0;
  std::string fraction;
  bool exclusive = false;
};

// `value` >= 0 and < kTooLarge.
Decimal decimal(double value, bool exclusive) {
  char buffer[1100];
  const auto [end, problem] = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed);
  const std::string_view text(buffer, problem == std::errc() ? static_cast<size_t>(end - buffer) : 0);
  Decimal out{.whole = 0, .fraction = {}, .exclusive = exclusive};
  const size_t point = std::min(text.find('.'), text.size());
  std::from_chars(text.data(), text.data() + point, out.whole);
  if (point < text.size()) out.fraction = text.substr(point + 1);
  return out;
}

// Magnitudes between two bounds; nullopt as `high`: no limit.
std::optional<ExpressionId> magnitudes(Rules& rules, const Decimal& low, const std::optional<Decimal>& high) {
  Digits digits(rules);
  const Digits::Fraction low_fraction{low.fraction, low.exclusive};
  std::optional<Digits::Fraction> high_fraction;
  if (high) high_fraction = Digits::Fraction{high->fraction, high->exclusive};
  std::vector<ExpressionId> choices;
  const auto add = [&](std::optional<ExpressionId> whole, std::optional<ExpressionId> fraction) {
    if (whole && fraction) choices.push_back(rules.sequence({*whole, *fraction}));
  };
  if (high && high->whole < low.whole) return std::nullopt;
  if (high && high->whole == low.whole) {
    add(digits.whole(low.whole, low.whole), digits.optional_fraction(low_fraction, high_fraction));
  } else {
    add(digits.whole(low.whole, low.whole), digits.optional_fraction(low_fraction, std::nullopt));
    const uint64_t last = high ? high->whole - 1 : kLargest;
    add(digits.whole(low.whole + 1, last), digits.optional_fraction({}, std::nullopt));
    if (high) add(digits.whole(high->whole, high->whole), digits.optional_fraction({}, high_fraction));
  }
  if (choices.empty()) return std::nullopt;
  return rules.choice(std::move(choices));
}

std::optional<Decimal> magnitude(const std::optional<Bound>& bound) {
  if (!bound || std::abs(bound->value) >= kTooLarge) return std::nullopt;
  return decimal(std::abs(bound->value), bound->exclusive);
}

}  // namespace

std::optional<ExpressionId> whole_numbers(Rules& rules, std::optional<int64_t> min,
                                          std::optional<int64_t> max) {
  Digits digits(rules);
  std::vector<ExpressionId> choices;
  const auto negated = [](int64_t value) { return uint64_t{0} - static_cast<uint64_t>(value); };
  if (!max || *max >= 0) {
    const uint64_t low = min && *min > 0 ? static_cast<uint64_t>(*min) : 0;
    const uint64_t high = max ? static_cast<uint64_t>(*max) : std::max(low, kLargest);
    if (const auto some = digits.whole(low, high)) choices.push_back(*some);
  }
  if (!min || *min < 0) {
    const uint64_t low = max && *max < 0 ? negated(*max) : 1;
    const uint64_t high = min ? negated(*min) : std::max(low, kLargest);
    if (const auto some = digits.whole(low, high)) {
      choices.push_back(rules.sequence({rules.bytes("-"), *some}));
    }
  }
  if (choices.empty()) return std::nullopt;
  return rules.choice(std::move(choices));
}

Result<ExpressionId> decimal_numbers(Rules& rules, std::optional<Bound> min, std::optional<Bound> max) {
  std::vector<ExpressionId> choices;
  const bool some_positive = !max || max->value > 0 || (max->value == 0 && !max->exclusive);
  if (some_positive && !(min && min->value >= kTooLarge)) {
    const Decimal low = min && min->value >= 0 ? *magnitude(min) : Decimal{};
    if (const auto some = magnitudes(rules, low, magnitude(max))) choices.push_back(*some);
  }
  const bool some_negative = !min || min->value < 0;
  if (some_negative && !(max && max->value <= -kTooLarge)) {
    // Below zero, the bounds change places.
    const Decimal low =
        max && max->value < 0 ? *magnitude(max) : Decimal{.whole = 0, .fraction = {}, .exclusive = true};
    if (const auto some = magnitudes(rules, low, magnitude(min))) {
      choices.push_back(rules.sequence({rules.bytes("-"), *some}));
    }
  }
  if (choices.empty()) {
    return fail(ErrorCategory::kInvalidArgument,
                "no number of up to {} digits before the point lies between its bounds", kMaxDigits);
  }
  return rules.choice(std::move(choices));
}

}  // namespace hearth::text::grammar
