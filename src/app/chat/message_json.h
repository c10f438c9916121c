// Chat messages as JSON, in the form the chat APIs write them: read from people's files, written to saved
// chats.
#pragma once

#include <string>
#include <vector>

#include "api/json.h"
#include "base/result.h"
#include "serving/generation_request.h"

namespace hearth::app {

// kInvalidArgument names the place ("messages[2].content").
Result<std::vector<serving::ChatMessage>> messages_from_json(const api::Json& list);

api::Json messages_to_json(const std::vector<serving::ChatMessage>& messages);

}  // namespace hearth::app
