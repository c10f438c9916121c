// Tools, and which of them may be called.
#pragma once

#include "api/chat_fields.h"
#include "serving/generation_request.h"

namespace hearth::api::openai {

// tools, or as older clients write them, functions: a list for the template, or none.
Parsed<text::Value> read_tools(const Json& body);

// tool_choice, or as older clients write it, function_call.
Parsed<serving::ToolChoice> read_tool_choice(const Json& body);

}  // namespace hearth::api::openai
