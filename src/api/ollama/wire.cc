#include "api/ollama/wire.h"

#include <fmt/chrono.h>

#include <cmath>

#include "api/json.h"

namespace hearth::api::ollama {

std::string rfc3339(std::chrono::system_clock::time_point time) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  const auto rest = std::chrono::duration_cast<std::chrono::nanoseconds>(time - whole).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:09}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(whole)),
                     rest);
}

std::string rfc3339_seconds(int64_t unix_seconds) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z", fmt::gmtime(static_cast<std::time_t>(unix_seconds)));
}

std::string rfc3339_now() {
  return rfc3339(std::chrono::system_clock::now());
}

int64_t nanoseconds(double ms) {
  return std::llround(ms * 1e6);
}

std::string error_text(const ApiError& error) {
  return dump(Json{{"error", error.message}});
}

HttpResponse error_format(const ApiError& error, const HttpRequest&) {
  return error_reply(error, error_text(error));
}

}  // namespace hearth::api::ollama
