#include "api/error_response.h"

#include <fmt/format.h>

#include "api/json.h"

namespace hearth::api {
namespace {

std::string_view type_of(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 429:
      return "rate_limit_error";
    case 500:
      return "server_error";
    case 501:
      return "not_supported_error";
    case 503:
      return "unavailable_error";
    default:
      return status < 500 ? "invalid_request_error" : "server_error";
  }
}

}  // namespace

ApiError bad_field(std::string field, std::string message) {
  ApiError error = http_error(400, fmt::format("{}: {}", field, message));
  error.param = std::move(field);
  return error;
}

ApiError http_error(int status, std::string message) {
  ApiError error;
  error.status = status;
  error.type = type_of(status);
  error.message = std::move(message);
  return error;
}

ApiError overloaded(std::string message) {
  ApiError error = http_error(503, std::move(message));
  error.code = "overloaded";
  error.retry_after_seconds = 1;
  return error;
}

ApiError from_error(const Error& error) {
  ApiError result = http_error(error_codes(error.category).http_status, error.message);
  switch (error.category) {
    case ErrorCategory::kNotFound:
      result.code = "model_not_found";
      result.param = "model";
      break;
    case ErrorCategory::kContextExceeded:
      result.code = "context_length_exceeded";
      result.param = "messages";
      break;
    case ErrorCategory::kOverloaded:
      result.code = "overloaded";
      result.retry_after_seconds = 1;
      break;
    default:
      break;
  }
  return result;
}

std::string error_json(const ApiError& error) {
  auto or_null = [](const std::string& s) { return s.empty() ? Json(nullptr) : Json(s); };
  Json body = Json::object();
  body["message"] = error.message;
  body["type"] = error.type;
  body["param"] = or_null(error.param);
  body["code"] = or_null(error.code);
  return dump(Json{{"error", std::move(body)}});
}

HttpResponse error_reply(const ApiError& error, std::string body) {
  HttpResponse response;
  response.status = error.status;
  response.body = std::move(body);
  if (error.retry_after_seconds > 0) {
    response.headers.emplace_back("Retry-After", std::to_string(error.retry_after_seconds));
  }
  if (error.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

HttpResponse error_response(const ApiError& error) {
  return error_reply(error, error_json(error));
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    default:
      return "Unknown";
  }
}

}  // namespace hearth::api
