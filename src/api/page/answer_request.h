// What a model is asked for an answer of a chat.
#pragma once

#include <string>
#include <vector>

#include "api/fields.h"
#include "serving/generation_request.h"
#include "serving/generation_service.h"
#include "store/chats/chat.h"

namespace hearth::api::page {

// A user's message as the model reads it: what is attached stands before the question, each file under its
// name and in a fence that nothing in it closes.
std::string user_text(const store::Message& message);

// `path` leads from the beginning of the chat to the message that is answered; where it ends in an answer,
// that one is gone on with.
Parsed<serving::GenerationRequest> answer_request(const std::vector<store::Message>& path,
                                                  const store::ChatSettings& settings, std::string model);

struct PromptSize {
  int64_t prompt_tokens = 0;
  int64_t context_length = 0;  // tokens of prompt and answer

  bool fits() const { return prompt_tokens < context_length; }
};

// Reads the model's words and runs its template; no weights are needed. Not for an I/O thread.
Result<PromptSize> measure(serving::GenerationService& service, const serving::GenerationRequest& request);

}  // namespace hearth::api::page
