#include "api/openai/responses/response.h"

#include "api/http_status.h"
#include "api/timings_json.h"

namespace hearth::api::openai::responses {
namespace {

Json usage_json(const serving::Usage& usage) {
  Json json = Json::object();
  json["input_tokens"] = usage.prompt_tokens;
  json["input_tokens_details"] = Json{{"cached_tokens", usage.cached_tokens}};
  json["output_tokens"] = usage.completion_tokens;
  json["output_tokens_details"] = Json{{"reasoning_tokens", usage.reasoning_tokens}};
  json["total_tokens"] = usage.prompt_tokens + usage.completion_tokens;
  return json;
}

}  // namespace

Json new_response(const ResponsesRequest& request, const std::string& id, int64_t created_unix_seconds) {
  Json json = Json::object();
  json["id"] = id;
  json["object"] = "response";
  json["created_at"] = created_unix_seconds;
  json["status"] = "in_progress";
  json["completed_at"] = nullptr;
  json["background"] = false;
  json["error"] = nullptr;
  json["incomplete_details"] = nullptr;
  json["model"] = request.generation.model;
  json["output"] = Json::array();
  json["service_tier"] = "default";
  json["store"] = request.store;
  json["usage"] = nullptr;
  for (const auto& [name, value] : request.repeated.items()) json[name] = value;
  return json;
}

void complete_response(Json& response, Json output, const serving::GenerationEnd& end,
                       int64_t now_unix_seconds) {
  if (end.reason == serving::FinishReason::kLength) {
    response["status"] = "incomplete";
    response["incomplete_details"] = Json{{"reason", "max_output_tokens"}};
  } else {
    response["status"] = "completed";
    response["completed_at"] = now_unix_seconds;
  }
  response["output"] = std::move(output);
  response["usage"] = usage_json(end.usage);
  response["timings"] = timings_json(end);
  if (end.n_dropped_messages > 0) response["truncated_messages"] = end.n_dropped_messages;
}

void fail_response(Json& response, Json output, const ApiError& error) {
  response["status"] = "failed";
  response["output"] = std::move(output);
  Json json = Json::object();
  json["code"] = error.code.empty() ? status_words(error.status).openai_type : error.code;
  json["message"] = error.message;
  response["error"] = std::move(json);
}

}  // namespace hearth::api::openai::responses
