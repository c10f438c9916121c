#include "api/openai/chat_request.h"

#include "api/openai/messages.h"
#include "api/openai/thinking.h"
#include "api/openai/tools.h"

namespace hearth::api::openai {
namespace {

using serving::ChatMessage;
using serving::ChatPrompt;
using serving::ToolChoice;

// A trailing assistant message is a beginning to continue, unless the request says that a new turn starts.
Parsed<bool> read_generation_prompt(const Json& body, const std::vector<ChatMessage>& messages) {
  const bool prefill = messages.back().role == "assistant" && messages.back().tool_calls.empty();
  HEARTH_API_TRY(const bool go_on, read_bool(body, "continue_final_message", prefill));
  HEARTH_API_TRY(const bool add, read_bool(body, "add_generation_prompt", !go_on));
  if (find(body, "continue_final_message") != nullptr && go_on) {
    if (!prefill) return refuse("continue_final_message", "the last message is not an assistant's text");
    if (add) return refuse("add_generation_prompt", "cannot be true together with continue_final_message");
  }
  return add;
}

// reasoning_format: with "none" the answer is given as the model writes it.
Parsed<bool> read_parse_output(const Json& body) {
  HEARTH_API_TRY(const auto format, read_string(body, "reasoning_format", "reasoning_format", 64));
  if (format.empty() || format == "auto" || format == "deepseek") return true;
  if (format == "none") return false;
  return refuse("reasoning_format", fmt::format("\"{}\" is none of auto, deepseek, none", format));
}

// reasoning.exclude: it is done, but not shown.
Parsed<bool> read_show_reasoning(const Json& body) {
  const Json* reasoning = find(body, "reasoning");
  if (reasoning == nullptr) return true;
  HEARTH_API_TRY(const bool excluded, read_bool(*reasoning, "exclude", false));
  return !excluded;
}

}  // namespace

Parsed<DialectRequest> parse_chat_request(std::string_view text) {
  HEARTH_API_TRY(const Json body, read_object(text));
  DialectRequest request;
  HEARTH_API_TRY(request.reply, read_reply_options(body));
  HEARTH_API_TRY(auto generation, read_shared_fields(body));
  HEARTH_API_CHECK(read_logprobs(body, generation));

  ChatPrompt prompt;
  HEARTH_API_TRY(prompt.messages, read_messages(body));
  HEARTH_API_TRY(auto tools, read_tools(body));
  HEARTH_API_TRY(generation.tool_choice, read_tool_choice(body));
  HEARTH_API_CHECK(check_tool_choice(generation.tool_choice, tools));
  if (generation.tool_choice.mode != ToolChoice::Mode::kNone) prompt.tools = std::move(tools);
  HEARTH_API_TRY(generation.parallel_tool_calls, read_bool(body, "parallel_tool_calls", true));
  request.reply.legacy_functions = find(body, "tools") == nullptr && find(body, "functions") != nullptr;
  if (request.reply.legacy_functions) generation.parallel_tool_calls = false;  // a reply has room for one
  HEARTH_API_TRY(generation.parse_output, read_parse_output(body));
  HEARTH_API_TRY(generation.thinking_budget, read_integer(body, "thinking_budget_tokens", 0, kMaxTokens));
  HEARTH_API_CHECK(read_thinking(body, prompt));
  HEARTH_API_TRY(request.reply.show_reasoning, read_show_reasoning(body));
  HEARTH_API_TRY(prompt.add_generation_prompt, read_generation_prompt(body, prompt.messages));
  generation.prompt = std::move(prompt);
  add_choices(request, std::move(generation));
  return request;
}

}  // namespace hearth::api::openai
