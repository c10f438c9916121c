// POST /v1/messages and /v1/messages/count_tokens: JSON to native requests.
#pragma once

#include <string_view>

#include "api/fields.h"
#include "serving/generation_request.h"

namespace hearth::api::anthropic {

struct MessageRequest {
  serving::GenerationRequest generation;  // of a ChatPrompt
  bool stream = false;
  bool show_thinking = true;  // false: blocks of reasoning are sent without their words
};

Parsed<MessageRequest> parse_message_request(std::string_view body);

}  // namespace hearth::api::anthropic
