#include "api/page/answer_request.h"

#include <algorithm>

#include "api/sampling_fields.h"
#include "serving/text_model.h"
#include "store/chats/chat_json.h"

namespace hearth::api::page {
namespace {

// Longer than any run of backticks in the text, three at least.
std::string fence_for(std::string_view text) {
  size_t longest = 2;
  size_t run = 0;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  return std::string(longest + 1, '`');
}

}  // namespace

std::string user_text(const store::Message& message) {
  std::string text;
  for (const store::Attachment& attachment : message.attachments) {
    const std::string fence = fence_for(attachment.text);
    text += "File: " + attachment.name + "\n" + fence + "\n" + attachment.text;
    if (!attachment.text.ends_with('\n')) text += '\n';
    text += fence + "\n\n";
  }
  return text + message.content;
}

Parsed<serving::GenerationRequest> answer_request(const std::vector<store::Message>& path,
                                                  const store::ChatSettings& settings, std::string model) {
  serving::GenerationRequest request;
  request.model = std::move(model);
  const Json fields = store::to_json(settings);
  HEARTH_API_CHECK(read_sampling_fields(fields, "settings.", request));
  HEARTH_API_CHECK(read_num_ctx(fields, request));
  serving::ChatPrompt prompt;
  prompt.thinking = settings.thinking;
  if (!settings.system.empty()) {
    serving::ChatMessage system;
    system.role = "system";
    system.content = settings.system;
    prompt.messages.push_back(std::move(system));
  }
  for (const store::Message& message : path) {
    serving::ChatMessage turn;
    turn.role = store::name_of(message.role);
    turn.content = message.role == store::MessageRole::kUser ? user_text(message) : message.content;
    turn.reasoning = message.reasoning;
    prompt.messages.push_back(std::move(turn));
  }
  prompt.add_generation_prompt = path.empty() || path.back().role == store::MessageRole::kUser;
  request.prompt = std::move(prompt);
  return request;
}

Result<PromptSize> measure(serving::GenerationService& service, const serving::GenerationRequest& request) {
  HEARTH_TRY(const serving::ModelSummary model, service.find(request.model));
  HEARTH_TRY(const auto text, service.text_model(request.model));
  HEARTH_TRY(const auto tokens, text->encode(std::get<serving::ChatPrompt>(request.prompt)));
  PromptSize size;
  size.prompt_tokens = static_cast<int64_t>(tokens.size());
  size.context_length = std::min(request.context_length.value_or(model.context_length), model.context_length);
  return size;
}

}  // namespace hearth::api::page
