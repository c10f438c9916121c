// A streamed response: typed events with rising numbers, from response.created to response.completed (or
// incomplete, or failed).
#pragma once

#include <functional>
#include <string>

#include "api/generation_reply.h"
#include "api/openai/responses/output_items.h"
#include "api/openai/responses/request.h"

namespace hearth::api::openai::responses {

class StreamEncoder : public ReplyEncoder {
 public:
  using Done = std::function<void(const Json& response)>;

  // `response` as it begins. `done` is called with the whole of it just before its last event, unless it
  // fails. `request` outlives this.
  StreamEncoder(const ResponsesRequest& request, Json response, Done done);

  std::string_view content_type() const override { return "text/event-stream; charset=utf-8"; }
  std::string opening() override { return std::move(opening_); }
  std::string encode(const StreamEvent& event) override;
  std::string closing() override { return {}; }
  std::string keep_alive() override { return ": still working\n\n"; }
  std::string failure(const ApiError& error) override;
  bool failure_ends_stream() const override { return true; }

 private:
  void say(const char* type, const Json& fields);  // not empty
  void say_response(const char* type);

  Json response_;
  Done done_;
  OutputItems items_;
  std::string text_;  // said, and not sent yet
  int64_t n_events_ = 0;
  std::string opening_;
};

}  // namespace hearth::api::openai::responses
