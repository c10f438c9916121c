#include "text/grammar/string_formats.h"

#include <algorithm>
#include <iterator>

namespace hearth::text::grammar {
namespace {

struct Format {
  std::string_view name, pattern;
};

// From 1000 to 2999; 29 February only in years that 4 divides and 100 does not.
#define HEARTH_DATE                                                                                          \
  "([12][0-9]{3}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[" \
  "0-9]|2[0-8]))"                                                                                            \
  "|[12][0-9]([2468][048]|0[48]|[13579][26])-02-29)"
#define HEARTH_TIME \
  "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
#define HEARTH_LABEL "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
#define HEARTH_BYTE "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"

constexpr Format kFormats[] = {
    {"date", "^" HEARTH_DATE "$"},                       // RFC 3339
    {"time", "^" HEARTH_TIME "$"},                       // likewise
    {"date-time", "^" HEARTH_DATE "T" HEARTH_TIME "$"},  // likewise
    {"duration",
     "^P([0-9]{1,4}W|([0-9]{1,4}Y)?([0-9]{1,4}M)?[0-9]{1,4}D(T([0-9]{1,4}H)?([0-9]{1,4}M)?[0-9]{1,4}S)?"
     "|T([0-9]{1,4}H)?([0-9]{1,4}M)?[0-9]{1,4}S)$"},
    {"uuid", "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"},  // RFC 9562
    {"email", "^[A-Za-z0-9_+-]{1,32}(\\.[A-Za-z0-9_+-]{1,32})?@" HEARTH_LABEL "(\\." HEARTH_LABEL "){1,4}$"},
    {"hostname", "^" HEARTH_LABEL "(\\." HEARTH_LABEL "){0,3}$"},
    {"ipv4", "^" HEARTH_BYTE "(\\." HEARTH_BYTE "){3}$"},
    {"ipv6", "^([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}$"},  // not shortened
    {"uri", "^[a-z][a-z0-9+.-]{0,30}:[!$&-;=?-Z_a-z~]{1,2000}$"},
};

#undef HEARTH_DATE
#undef HEARTH_TIME
#undef HEARTH_LABEL
#undef HEARTH_BYTE

}  // namespace

std::optional<std::string_view> format_pattern(std::string_view format) {
  const auto* found = std::find_if(std::begin(kFormats), std::end(kFormats),
                                   [&](const Format& candidate) { return candidate.name == format; });
  if (found == std::end(kFormats)) return std::nullopt;
  return found->pattern;
}

}  // namespace hearth::text::grammar
