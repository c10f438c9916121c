// Tools, and which of them may be called.
#pragma once

#include <string>

#include "api/fields.h"
#include "serving/generation_request.h"

namespace hearth::api::openai {

constexpr size_t kMaxTools = 1'024;

// {name, description, parameters} as templates expect it: {"type":"function","function":{name, …,
// parameters}}.
Parsed<Json> function_tool(const Json& function, const std::string& where);

// tools, or as older clients write them, functions: a list for the template, or none.
Parsed<text::Value> read_tools(const Json& body);

// tool_choice, or as older clients write it, function_call.
Parsed<serving::ToolChoice> read_tool_choice(const Json& body);

// Refuses a choice that these tools cannot meet.
Parsed<void> check_tool_choice(const serving::ToolChoice& choice, const text::Value& tools);

}  // namespace hearth::api::openai
