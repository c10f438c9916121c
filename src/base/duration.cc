#include "base/duration.h"

#include <charconv>
#include <cmath>

namespace hearth {
namespace {

struct Unit {
  std::string_view name;
  double ms;
};
// Where one name begins another, the longer comes first.
constexpr Unit kUnits[] = {{"ns", 1e-6}, {"us", 1e-3}, {"\u00b5s", 1e-3}, {"\u03bcs", 1e-3},
                           {"ms", 1},    {"s", 1e3},   {"m", 60 * 1e3},   {"h", 3600 * 1e3}};

constexpr double kLargestMs = 9.2e18;

}  // namespace

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto refuse = [&] {
    return fail(ErrorCategory::kInvalidArgument, "\"{}\" is not a duration such as \"10m\" or \"1h30m\"",
                text.substr(0, 64));
  };
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == "0") return std::chrono::milliseconds(0);
  if (rest.empty()) return refuse();
  double ms = 0;
  while (!rest.empty()) {
    const size_t n_number = rest.find_first_not_of("0123456789.");
    if (n_number == 0 || n_number == std::string_view::npos) return refuse();
    double number = 0;
    const auto [end, problem] =
        std::from_chars(rest.data(), rest.data() + n_number, number, std::chars_format::fixed);
    if (problem != std::errc() || end != rest.data() + n_number) return refuse();
    rest.remove_prefix(n_number);
    const Unit* unit = nullptr;
    for (const Unit& known : kUnits) {
      if (unit == nullptr && rest.starts_with(known.name)) unit = &known;
    }
    if (unit == nullptr) return refuse();
    rest.remove_prefix(unit->name.size());
    ms += number * unit->ms;
  }
  if (!(ms < kLargestMs)) return refuse();
  const auto whole = static_cast<int64_t>(ms > 0 && ms < 1 ? 1 : std::llround(ms));
  return std::chrono::milliseconds(negative ? -whole : whole);
}

}  // namespace hearth
