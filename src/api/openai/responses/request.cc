#include "api/openai/responses/request.h"

#include "api/openai/fields.h"
#include "api/openai/output_format.h"
#include "api/openai/thinking.h"
#include "api/openai/tools.h"

namespace hearth::api::openai::responses {
namespace {

using serving::ChatPrompt;
using serving::GenerationRequest;
using serving::ToolChoice;

// Fields that a response repeats as they were sent, null where they were not.
constexpr const char* kRepeated[] = {"instructions",
                                     "max_output_tokens",
                                     "max_tool_calls",
                                     "previous_response_id",
                                     "prompt_cache_key",
                                     "safety_identifier",
                                     "temperature",
                                     "top_p",
                                     "user"};

Parsed<void> refuse_what_is_not_there(const Json& body) {
  HEARTH_API_TRY(const bool background, read_bool(body, "background", false));
  if (background) return refuse("background", "is not supported: ask for a stream, or wait for the answer");
  if (find(body, "conversation") != nullptr) {
    return refuse("conversation", "is not supported: go on from a response with previous_response_id");
  }
  if (find(body, "prompt") != nullptr) return refuse("prompt", "stored prompts are not supported");
  return {};
}

Parsed<void> read_text_options(const Json& body, ResponsesRequest& request) {
  Json repeated = Json::object();
  repeated["format"] = Json{{"type", "text"}};
  if (const Json* text = find(body, "text")) {
    if (!text->is_object()) return refuse("text", shown(*text) + ", must be an object");
    if (const Json* format = find(*text, "format")) {
      HEARTH_API_TRY(request.generation.format, read_format(*format, "text.format"));
    }
    for (const char* name : {"format", "verbosity"}) {
      if (const Json* option = find(*text, name)) repeated[name] = *option;
    }
  }
  request.repeated["text"] = std::move(repeated);
  return {};
}

Parsed<void> read_truncation(const Json& body, ResponsesRequest& request) {
  HEARTH_API_TRY(const auto truncation, read_string(body, "truncation", "truncation", 64));
  if (truncation != "auto" && truncation != "disabled" && !truncation.empty()) {
    return refuse("truncation", fmt::format("\"{}\" is neither auto nor disabled", truncation));
  }
  request.generation.truncate = truncation == "auto";
  request.repeated["truncation"] = request.generation.truncate ? "auto" : "disabled";
  return {};
}

// include asks for more in the response; what this server has nothing of is ignored.
Parsed<void> read_include(const Json& body, ResponsesRequest& request) {
  HEARTH_API_TRY(const auto top, read_integer(body, "top_logprobs", 0, kMaxTopLogprobs));
  request.generation.top_logprobs = static_cast<int>(top.value_or(0));
  request.generation.logprobs = request.generation.top_logprobs > 0;
  request.repeated["top_logprobs"] = request.generation.top_logprobs;
  const Json* include = find(body, "include");
  if (include == nullptr) return {};
  if (!include->is_array()) return refuse("include", shown(*include) + ", must be a list");
  for (const Json& what : *include) {
    if (what == "reasoning.encrypted_content") request.encrypted_reasoning = true;
    if (what == "message.output_text.logprobs") request.generation.logprobs = true;
  }
  return {};
}

Parsed<void> read_metadata(const Json& body, ResponsesRequest& request) {
  const Json* metadata = find(body, "metadata");
  if (metadata != nullptr && !metadata->is_object()) {
    return refuse("metadata", shown(*metadata) + ", must be an object");
  }
  request.repeated["metadata"] = metadata != nullptr ? *metadata : Json::object();
  return {};
}

}  // namespace

Parsed<ResponsesRequest> parse_responses_request(std::string_view text) {
  HEARTH_API_TRY(const Json body, read_object(text));
  HEARTH_API_CHECK(refuse_what_is_not_there(body));
  ResponsesRequest request;
  HEARTH_API_TRY(request.stream, read_bool(body, "stream", false));
  HEARTH_API_TRY(request.store, read_bool(body, "store", true));
  HEARTH_API_TRY(request.instructions, read_string(body, "instructions", "instructions", kNoLimit));
  HEARTH_API_TRY(request.previous_response_id,
                 read_string(body, "previous_response_id", "previous_response_id", kMaxNameBytes));
  HEARTH_API_TRY(request.input, read_input(body));

  GenerationRequest& generation = request.generation;
  HEARTH_API_TRY(generation, read_shared_fields(body));
  HEARTH_API_TRY(const auto max_tokens, read_integer(body, "max_output_tokens", 1, kMaxTokens));
  if (max_tokens) generation.max_tokens = *max_tokens;
  HEARTH_API_TRY(generation.parallel_tool_calls, read_bool(body, "parallel_tool_calls", true));
  HEARTH_API_CHECK(read_include(body, request));
  HEARTH_API_CHECK(read_truncation(body, request));
  HEARTH_API_CHECK(read_text_options(body, request));
  HEARTH_API_CHECK(read_metadata(body, request));

  HEARTH_API_TRY(request.tools, read_offered_tools(body));
  HEARTH_API_TRY(generation.tool_choice, read_tool_choice(body));
  HEARTH_API_CHECK(check_tool_choice(generation.tool_choice, request.tools.functions));
  ChatPrompt prompt;
  if (generation.tool_choice.mode != ToolChoice::Mode::kNone) prompt.tools = request.tools.functions;
  HEARTH_API_CHECK(read_thinking(body, prompt));
  generation.prompt = std::move(prompt);

  const auto sent = [&body](const char* name, Json otherwise) {
    const Json* field = find(body, name);
    return field != nullptr ? *field : std::move(otherwise);
  };
  for (const char* name : kRepeated) request.repeated[name] = sent(name, nullptr);
  request.repeated["parallel_tool_calls"] = generation.parallel_tool_calls;
  request.repeated["tool_choice"] = sent("tool_choice", "auto");
  request.repeated["tools"] = request.tools.shown;
  Json reasoning = Json{{"effort", nullptr}, {"summary", nullptr}};
  if (const Json* asked = find(body, "reasoning")) {
    for (const char* name : {"effort", "summary"}) {
      if (const Json* option = find(*asked, name)) reasoning[name] = *option;
    }
  }
  request.repeated["reasoning"] = std::move(reasoning);
  return request;
}

Parsed<void> add_conversation(ResponsesRequest& request, std::vector<Json> earlier) {
  const size_t n_earlier = earlier.size();
  earlier.insert(earlier.end(), request.input.begin(), request.input.end());
  auto& prompt = std::get<ChatPrompt>(request.generation.prompt);
  HEARTH_API_TRY(prompt.messages, read_conversation(request.instructions, earlier, n_earlier, request.tools));
  return {};
}

}  // namespace hearth::api::openai::responses
