// The JSON of a message and its parts.
#pragma once

#include <string>

#include "api/generation_reply.h"
#include "api/json.h"
#include "serving/token_stream.h"

namespace hearth::api::anthropic {

struct ReplyHead {
  std::string id;
  std::string model;
  bool show_thinking = true;
};

// Clients that send reasoning back leave out blocks without a signature; nothing is read from it.
constexpr const char* kSignature = "hearth";

// input_tokens are those that were computed; the cached ones stand beside them.
Json usage_json(const serving::Usage& usage);
// "stop_reason" and "stop_sequence" into `object`.
void set_stop(Json& object, const serving::GenerationEnd& end);

// The beginning of a message, without content.
Json empty_message(const ReplyHead& head, const serving::Usage& usage);
// The reply in one piece. A call that was cut off by max_tokens is left out.
Json whole_message(const ReplyHead& head, const Answer& answer);

// Content blocks without content, as a stream begins them.
Json thinking_block();
Json text_block();
Json tool_use_block(const std::string& id, const std::string& name);

}  // namespace hearth::api::anthropic
