// Conversations: the messages of a chat, and the parts that all routes of this dialect write alike.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/chat_fields.h"
#include "serving/generation_request.h"

namespace hearth::api::openai {

// "system", "user", "assistant" or "tool". `where` is the message's own name ("messages[2]").
Parsed<std::string> read_role(const Json& message, const std::string& where);

// A string, or a list of parts that hold text, which are joined; empty when absent.
Parsed<std::string> read_text(const Json& object, std::string_view name, const std::string& where);

// The messages of a chat, at least one.
Parsed<std::vector<serving::ChatMessage>> read_messages(const Json& body);

}  // namespace hearth::api::openai
