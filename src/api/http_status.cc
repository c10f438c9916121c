#include "api/http_status.h"

#include <algorithm>
#include <iterator>

namespace hearth::api {
namespace {

constexpr std::string_view kOurs = "server_error";
constexpr std::string_view kTheirs = "invalid_request_error";
constexpr std::string_view kOursAnthropic = "api_error";

constexpr StatusWords kStatuses[] = {
    {100, "Continue", {}, {}},
    {200, "OK", {}, {}},
    {201, "Created", {}, {}},
    {202, "Accepted", {}, {}},
    {204, "No Content", {}, {}},
    {304, "Not Modified", {}, {}},
    {400, "Bad Request", kTheirs, kTheirs},
    {401, "Unauthorized", "authentication_error", "authentication_error"},
    {403, "Forbidden", "permission_error", "permission_error"},
    {404, "Not Found", "not_found_error", "not_found_error"},
    {405, "Method Not Allowed", kTheirs, kTheirs},
    {408, "Request Timeout", kTheirs, kTheirs},
    {409, "Conflict", kTheirs, kTheirs},
    {413, "Content Too Large", kTheirs, "request_too_large"},
    {414, "URI Too Long", kTheirs, kTheirs},
    {415, "Unsupported Media Type", kTheirs, kTheirs},
    {417, "Expectation Failed", kTheirs, kTheirs},
    {422, "Unprocessable Content", kTheirs, kTheirs},
    {429, "Too Many Requests", "rate_limit_error", "rate_limit_error"},
    {431, "Request Header Fields Too Large", kTheirs, kTheirs},
    {500, "Internal Server Error", kOurs, kOursAnthropic},
    {501, "Not Implemented", "not_supported_error", kOursAnthropic},
    {503, "Service Unavailable", "unavailable_error", "overloaded_error"},
};
constexpr StatusWords kUnknown = {400, "Unknown", kTheirs, kTheirs};
constexpr StatusWords kUnknownOurs = {500, "Unknown", kOurs, kOursAnthropic};

}  // namespace

const StatusWords& status_words(int status) {
  const auto* found = std::find_if(std::begin(kStatuses), std::end(kStatuses),
                                   [&](const StatusWords& words) { return words.status == status; });
  if (found != std::end(kStatuses)) return *found;
  return status < 500 ? kUnknown : kUnknownOurs;
}

}  // namespace hearth::api
