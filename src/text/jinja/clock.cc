#include "text/jinja/clock.h"

#include <fmt/format.h>

#include <algorithm>

#include "text/jinja/failure.h"

namespace hearth::text::jinja {

namespace {

constexpr std::string_view kDays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                      "Thursday", "Friday", "Saturday"};
constexpr std::string_view kMonths[] = {"January",   "February", "March",    "April",
                                        "May",       "June",     "July",     "August",
                                        "September", "October",  "November", "December"};

struct CivilTime {
  int64_t year;
  int month, day, hour, minute, second, weekday, yearday;  // month and day from 1, weekday from Sunday
};

// Days to a date by 400-year eras that begin on 1 March.
CivilTime civil(int64_t unix_seconds) {
  constexpr int64_t kLatest = 253402300799;  // the end of the year 9999
  unix_seconds = std::clamp<int64_t>(unix_seconds, 0, kLatest);
  int64_t days = unix_seconds / 86400;
  int rest = static_cast<int>(unix_seconds % 86400);
  int64_t shifted = days + 719468;
  int64_t era = shifted / 146097;
  int64_t day_of_era = shifted - era * 146097;
  int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  int day_of_year = static_cast<int>(day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100));
  int shifted_month = (5 * day_of_year + 2) / 153;
  CivilTime t;
  t.day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
  t.month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  t.year = year_of_era + era * 400 + (t.month <= 2 ? 1 : 0);
  t.hour = rest / 3600;
  t.minute = rest / 60 % 60;
  t.second = rest % 60;
  t.weekday = static_cast<int>((days + 4) % 7);
  bool leap = (t.year % 4 == 0 && t.year % 100 != 0) || t.year % 400 == 0;
  constexpr int kBefore[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  t.yearday = kBefore[t.month - 1] + t.day + (leap && t.month > 2 ? 1 : 0);
  return t;
}

std::string directive(const CivilTime& t, char c, bool unpadded, int64_t unix_seconds) {
  auto number = [unpadded](int64_t value, int width, char fill = '0') {
    if (unpadded) return fmt::format("{}", value);
    return fill == '0' ? fmt::format("{:0{}}", value, width) : fmt::format("{:{}}", value, width);
  };
  int hour12 = t.hour % 12 == 0 ? 12 : t.hour % 12;
  switch (c) {
    case 'a':
      return std::string(kDays[t.weekday].substr(0, 3));
    case 'A':
      return std::string(kDays[t.weekday]);
    case 'b':
    case 'h':
      return std::string(kMonths[t.month - 1].substr(0, 3));
    case 'B':
      return std::string(kMonths[t.month - 1]);
    case 'd':
      return number(t.day, 2);
    case 'e':
      return number(t.day, 2, ' ');
    case 'f':
      return "000000";
    case 'H':
      return number(t.hour, 2);
    case 'I':
      return number(hour12, 2);
    case 'j':
      return number(t.yearday, 3);
    case 'm':
      return number(t.month, 2);
    case 'M':
      return number(t.minute, 2);
    case 'n':
      return "\n";
    case 'p':
      return t.hour < 12 ? "AM" : "PM";
    case 's':
      return fmt::format("{}", unix_seconds);
    case 'S':
      return number(t.second, 2);
    case 't':
      return "\t";
    case 'u':
      return fmt::format("{}", t.weekday == 0 ? 7 : t.weekday);
    case 'U':
      return number((t.yearday - 1 + 7 - t.weekday) / 7, 2);
    case 'w':
      return fmt::format("{}", t.weekday);
    case 'W':
      return number((t.yearday - 1 + 7 - (t.weekday + 6) % 7) / 7, 2);
    case 'y':
      return number(t.year % 100, 2);
    case 'Y':
      return fmt::format("{}", t.year);
    case 'z':
    case 'Z':
      return "";  // a time without a zone
    case '%':
      return "%";
    default:
      give_up("strftime_now: unknown directive '%{}'", c);
  }
}

}  // namespace

std::string format_time(int64_t unix_seconds, std::string_view format) {
  CivilTime t = civil(unix_seconds);
  std::string out;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      out += format[i];
      continue;
    }
    bool unpadded = i + 1 < format.size() && format[i + 1] == '-';
    if (unpadded) ++i;
    if (++i >= format.size()) give_up("strftime_now: the format ends with '%'");
    switch (format[i]) {
      case 'c':
        out += format_time(unix_seconds, "%a %b %e %H:%M:%S %Y");
        break;
      case 'x':
      case 'D':
        out += format_time(unix_seconds, "%m/%d/%y");
        break;
      case 'F':
        out += format_time(unix_seconds, "%Y-%m-%d");
        break;
      case 'r':
        out += format_time(unix_seconds, "%I:%M:%S %p");
        break;
      case 'R':
        out += format_time(unix_seconds, "%H:%M");
        break;
      case 'X':
      case 'T':
        out += format_time(unix_seconds, "%H:%M:%S");
        break;
      default:
        out += directive(t, format[i], unpadded, unix_seconds);
    }
  }
  return out;
}

}  // namespace hearth::text::jinja
