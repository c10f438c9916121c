// One native request, whatever dialect it came in.
#pragma once

#include <chrono>
#include <cstdint>
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
  text::Value tools;                   // none, or a list of mappings as the template expects them
  std::optional<bool> thinking;        // absent = the template's own default
  bool add_generation_prompt = true;   // false: the last assistant message is continued
  text::Value template_arguments;      // none, or a mapping of further template variables
  std::string chat_template;           // instead of the model's own, as Jinja; empty = the model's
  std::vector<text::TokenId> history;  // stands before what the template writes
};

struct TextPrompt {
  std::string text;
  bool parse_special = false;  // control tokens may be written out (raw prompts)
};

// Code between two pieces of a file, for models that were taught to fill gaps.
struct InfillPrompt {
  struct File {
    std::string name;
    std::string text;
  };
  std::string prefix{};
  std::string suffix{};
  std::string beginning{};    // of what is to be filled in: the answer goes on from it
  std::vector<File> files{};  // of the same project, for the model to look at
};

// Whether the model is to call tools.
struct ToolChoice {
  enum class Mode {
    kAuto,      // as it likes
    kNone,      // never: the tools are not offered
    kRequired,  // at least one call, and nothing else
  };
  Mode mode = Mode::kAuto;
  std::vector<std::string> names;  // only these may be called; empty = all that are offered
};

// What the answer must look like, from the end of the reasoning on.
struct JsonObjectFormat {};
struct JsonSchemaFormat {
  std::string schema;  // a JSON text
};
struct GbnfFormat {
  std::string grammar;
};
using OutputFormat = std::variant<std::monostate, JsonObjectFormat, JsonSchemaFormat, GbnfFormat>;

// How long a model stays in memory after its last request.
using KeepAlive = std::chrono::milliseconds;
constexpr KeepAlive kKeepForever = KeepAlive::max();

struct GenerationRequest {
  std::string model;  // name or path
  std::variant<ChatPrompt, TextPrompt, std::vector<text::TokenId>, InfillPrompt> prompt;
  engine::SamplingOverrides sampling;
  std::optional<int64_t> context_length;  // tokens of prompt and answer; absent = as many as there are
  std::optional<int64_t> max_tokens;      // absent = until the context is full; 0 = evaluate the prompt only
  std::vector<std::string> stop;          // not part of the output
  bool ignore_end_of_generation = false;
  bool logprobs = false;
  int top_logprobs = 0;  // 0 … 20
  // Of a text or token ids, with logprobs: the prompt comes first in the output, with its log-probabilities.
  bool score_prompt = false;

  // Of chats:
  bool parse_output = true;  // reasoning and calls are told from the text; false = all of it is text
  ToolChoice tool_choice;
  bool parallel_tool_calls = true;         // false: the first call ends the answer
  std::optional<int64_t> thinking_budget;  // tokens of reasoning, then it is made to end

  OutputFormat format;
  bool truncate = false;  // drop the oldest messages where a chat does not fit, instead of refusing it

  std::string cache_scope;              // prompts share computed prefixes with prompts of the same scope only
  std::optional<KeepAlive> keep_alive;  // absent = as it is, at first the server's default; 0 = unload after
};

// Vectors of texts. Each input is a text of its own.
struct EmbeddingRequest {
  std::string model;
  std::vector<std::variant<std::string, std::vector<text::TokenId>>> inputs;
  bool truncate = false;  // cut inputs that do not fit, instead of refusing them
  bool normalise = true;  // to unit length
  std::string cache_scope;
  std::optional<KeepAlive> keep_alive;
};

// How well each document answers a query.
struct RankRequest {
  std::string model;
  std::string query;
  std::vector<std::string> documents;
  std::string cache_scope;
  std::optional<KeepAlive> keep_alive;
};

}  // namespace hearth::serving
