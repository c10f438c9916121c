#include "api/openai/responses/stream_encoder.h"

#include <ctime>

#include "api/openai/responses/response.h"

namespace hearth::api::openai::responses {

StreamEncoder::StreamEncoder(const ResponsesRequest& request, Json response, Done done)
    : response_(std::move(response)),
      done_(std::move(done)),
      items_(request, [this](const char* type, Json fields) { say(type, fields); }) {
  say_response("response.created");
  say_response("response.in_progress");
  opening_ = std::exchange(text_, {});
}

std::string StreamEncoder::encode(const StreamEvent& event) {
  items_.add(event.event);
  if (const auto* end = std::get_if<serving::GenerationEnd>(&event.event)) {
    complete_response(response_, items_.items(), *end, std::time(nullptr));
    done_(response_);
    const bool cut_off = end->reason == serving::FinishReason::kLength;
    say_response(cut_off ? "response.incomplete" : "response.completed");
  }
  return std::exchange(text_, {});
}

std::string StreamEncoder::failure(const ApiError& error) {
  Json fields = Json::object();
  fields["code"] = error.code.empty() ? Json(nullptr) : Json(error.code);
  fields["message"] = error.message;
  fields["param"] = error.param.empty() ? Json(nullptr) : Json(error.param);
  say("error", fields);
  fail_response(response_, items_.items(), error);
  say_response("response.failed");
  return std::exchange(text_, {});
}

void StreamEncoder::say(const char* type, const Json& fields) {
  text_ += fmt::format("event: {0}\ndata: {{\"type\":\"{0}\",\"sequence_number\":{1},{2}\n\n", type,
                       n_events_++, std::string_view(dump(fields)).substr(1));
}

void StreamEncoder::say_response(const char* type) {
  Json fields = Json::object();
  fields["response"] = response_;
  say(type, fields);
}

}  // namespace hearth::api::openai::responses
