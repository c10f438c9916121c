// The output of a response: from the events of a generation to items (reasoning, messages, calls), and each
// step on the way as an event of the streamed form.
#pragma once

#include <functional>
#include <string>

#include "api/generation_reply.h"
#include "api/json.h"
#include "api/openai/responses/request.h"
#include "serving/token_stream.h"

namespace hearth::api::openai::responses {

class OutputItems {
 public:
  // Takes an event's type and its fields beyond type and sequence_number.
  using Emit = std::function<void(const char* type, Json fields)>;

  // `request` outlives this.
  OutputItems(const ResponsesRequest& request, Emit emit) : request_(request), emit_(std::move(emit)) {}

  // Text, reasoning or a piece of a call goes into the open item; what belongs to another closes it and opens
  // that. The end closes the last one, as "incomplete" where it was cut off. Other events add nothing.
  void add(const serving::GenerationEvent& event);

  // Those that are closed.
  const Json& items() const { return items_; }

 private:
  enum class Kind { kNone, kReasoning, kMessage, kCall, kCustomCall };

  void add_text(const serving::TextDelta& delta);
  void add_reasoning(const serving::ReasoningDelta& delta);
  void add_call(const serving::ToolCallDelta& delta);
  void open(Kind kind, const char* id_prefix);
  void close(const char* status);
  // The open item as far as it is known.
  Json item(const char* status) const;
  Json reasoning_part() const;
  Json message_part() const;
  // What events about the open item have in common.
  Json place() const;
  Json place(const char* index_name) const;

  const ResponsesRequest& request_;
  Emit emit_;
  Json items_ = Json::array();  // the closed ones

  Kind kind_ = Kind::kNone;
  std::string id_;
  std::string text_;  // reasoning, a message's text, a call's arguments
  Json logprobs_ = Json::array();
  size_t call_index_ = 0;
  std::string call_id_;
  OfferedTools::Tool tool_;
};

// The items of an answer that has come as a whole.
Json output_of(const Answer& answer, const ResponsesRequest& request);

}  // namespace hearth::api::openai::responses
