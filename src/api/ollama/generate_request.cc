#include "api/ollama/generate_request.h"

namespace hearth::api::ollama {
namespace {

using serving::ChatPrompt;

constexpr size_t kMaxTemplateBytes = size_t{1} << 20;

Parsed<std::vector<text::TokenId>> read_context(const Json& body) {
  std::vector<text::TokenId> tokens;
  const Json* context = find(body, "context");
  if (context == nullptr) return tokens;
  if (!context->is_array()) return refuse("context", shown(*context) + ", must be a list of token ids");
  tokens.reserve(context->size());
  for (const Json& id : *context) {
    HEARTH_API_TRY(const double number,
                   checked_number(id, "context", true, 0, static_cast<double>(kMaxTokens)));
    tokens.push_back(static_cast<text::TokenId>(number));
  }
  return tokens;
}

void add_message(ChatPrompt& prompt, std::string role, std::string content) {
  serving::ChatMessage& message = prompt.messages.emplace_back();
  message.role = std::move(role);
  message.content = std::move(content);
}

}  // namespace

Parsed<DialectRequest> parse_generate_request(std::string_view text) {
  HEARTH_API_TRY(const Json body, read_body(text));
  HEARTH_API_TRY(DialectRequest request, read_shared_fields(body));
  HEARTH_API_TRY(auto prompt, read_string(body, "prompt", "prompt", kNoLimit));
  HEARTH_API_TRY(auto system, read_string(body, "system", "system", kNoLimit));
  HEARTH_API_TRY(auto chat_template, read_string(body, "template", "template", kMaxTemplateBytes));
  HEARTH_API_TRY(auto suffix, read_string(body, "suffix", "suffix", kNoLimit));
  HEARTH_API_TRY(auto context, read_context(body));
  HEARTH_API_TRY(const bool raw, read_bool(body, "raw", false));
  HEARTH_API_TRY(const Thinking thinking, read_think(body));
  HEARTH_API_CHECK(refuse_images(body, "images"));
  if (raw && (!chat_template.empty() || !system.empty() || !context.empty())) {
    return refuse_with("raw mode does not support template, system, or context");
  }
  if (prompt.empty()) {
    request.is_empty = true;
  } else if (!suffix.empty()) {
    request.generation.prompt =
        serving::InfillPrompt{.prefix = std::move(prompt), .suffix = std::move(suffix)};
    request.generation.truncate = false;
  } else if (raw) {
    request.generation.prompt = serving::TextPrompt{.text = std::move(prompt), .parse_special = true};
    request.generation.truncate = false;
  } else {
    ChatPrompt chat;
    chat.history = std::move(context);
    chat.chat_template = std::move(chat_template);
    if (!system.empty()) add_message(chat, "system", std::move(system));
    add_message(chat, "user", std::move(prompt));
    apply(thinking, chat);
    request.generation.prompt = std::move(chat);
    request.returns_context = true;
  }
  return request;
}

}  // namespace hearth::api::ollama
