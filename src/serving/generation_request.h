// One native request, whatever dialect it came in.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/sampling_params.h"
#include "text/tokenizer.h"
#include "text/value.h"

namespace hearth::serving {

struct ToolCall {
  std::string id;
  std::string name;
  text::Value arguments;  // a mapping
};

struct ChatMessage {
  std::string role;  // "system", "user", "assistant", "tool"
  std::string content;
  std::string reasoning;  // of an assistant turn; empty = none
  std::vector<ToolCall> tool_calls;
  std::string tool_call_id;
  std::string name;
};

struct ChatPrompt {
  std::vector<ChatMessage> messages;
  text::Value tools;                  // none, or a list of mappings as the template expects them
  std::optional<bool> thinking;       // absent = the template's own default
  bool add_generation_prompt = true;  // false: the last assistant message is continued
  text::Value template_arguments;     // none, or a mapping of further template variables
};

struct TextPrompt {
  std::string text;
  bool parse_special = false;  // control tokens may be written out (raw prompts)
};

struct GenerationRequest {
  std::string model;  // name or path
  std::variant<ChatPrompt, TextPrompt, std::vector<text::TokenId>> prompt;
  engine::SamplingOverrides sampling;
  std::optional<int64_t> max_tokens;  // absent = until the context is full; 0 = evaluate the prompt only
  std::vector<std::string> stop;      // not part of the output
  bool ignore_end_of_generation = false;
  bool logprobs = false;
  int top_logprobs = 0;  // 0 … 20
};

}  // namespace hearth::serving
