// What chats have in common, however a dialect spells it: tools and the choice among them, results of calls,
// levels of reasoning.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/fields.h"
#include "serving/generation_request.h"

namespace hearth::api {

constexpr size_t kMaxMessages = 10'000;
constexpr size_t kMaxTools = 1'024;

// A tool as templates expect it: {"type":"function","function":{"name", …, "parameters"}}. `function` has a
// name and may have parameters, a JSON schema; without them it takes none. Without a description it has an
// empty one.
Parsed<Json> function_tool(const Json& function, const std::string& where);

// The list `messages`; nullptr where it is absent.
Parsed<const Json*> read_message_list(const Json& body);
// The same with at least one message.
Parsed<const Json*> read_some_messages(const Json& body);

// The arguments of a call, a mapping: an object, or JSON in a string.
Parsed<text::Value> read_arguments(const Json& function, const std::string& where);

// The `tool_calls` of a message, whose whole name is `where`; none where they are absent.
Parsed<std::vector<serving::ToolCall>> read_tool_calls(const Json& message, const std::string& where);

// Refuses a choice that the offered tools (ChatPrompt::tools) cannot meet.
Parsed<void> check_tool_choice(const serving::ToolChoice& choice, const text::Value& tools);

// Templates that print a tool result's name get it from the call it answers.
void name_tool_results(std::vector<serving::ChatMessage>& messages);

// A level of reasoning in the words templates know: low, medium, or high for all that is more or unknown.
const char* template_effort(std::string_view effort);

}  // namespace hearth::api
