// Words and templates without a generation: /tokenize, /detokenize, /apply-template and
// /v1/chat/completions/input_tokens.
#pragma once

#include <memory>
#include <string>

#include "api/fields.h"
#include "serving/generation_service.h"
#include "serving/text_model.h"

namespace hearth::api::llama_server {

// The words of the model that a request names, or of the only one.
Parsed<std::shared_ptr<const serving::TextModel>> words_of(serving::GenerationService& service,
                                                           const std::string& model);

// Bodies in, replies out.
Parsed<std::string> tokenize(serving::GenerationService& service, const std::string& body);
Parsed<std::string> detokenize(serving::GenerationService& service, const std::string& body);
Parsed<std::string> apply_template(serving::GenerationService& service, const std::string& body);
Parsed<std::string> count_chat_tokens(serving::GenerationService& service, const std::string& body);

}  // namespace hearth::api::llama_server
