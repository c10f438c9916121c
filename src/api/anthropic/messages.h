// The conversation of a request: system prompt and messages with their content blocks, to native chat
// messages.
#pragma once

#include <vector>

#include "api/fields.h"
#include "serving/generation_request.h"

namespace hearth::api::anthropic {

// One user message may hold results of several calls and text; the results come out first, as messages of
// their own. Messages in a row of one role become one. What this server cannot show to a model (images, PDF
// documents) is refused; what only the vendor's own servers understand (encrypted reasoning, calls of server
// tools) is left out.
Parsed<std::vector<serving::ChatMessage>> read_messages(const Json& body);

}  // namespace hearth::api::anthropic
