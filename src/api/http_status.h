// The HTTP statuses that this server sends, and what each dialect calls the error that one stands for.
#pragma once

#include <string_view>

namespace hearth::api {

struct StatusWords {
  int status;
  std::string_view reason;          // "Not Found"
  std::string_view openai_type;     // of an error; Ollama's errors have none
  std::string_view anthropic_type;  // likewise
};

// "Unknown" and the types of 400 or 500 for a status that this server never sends.
const StatusWords& status_words(int status);

}  // namespace hearth::api
