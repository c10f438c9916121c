// The body of /completion and /infill.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/fields.h"
#include "serving/generation_request.h"

namespace hearth::api::llama_server {

struct CompletionRequest {
  std::vector<serving::GenerationRequest> generations;  // one for each prompt
  bool list = false;                                    // the prompts came as a list, and so does the reply
  bool stream = false;
  bool return_tokens = false;
  bool return_progress = false;              // a stream tells how far the prompt has been read
  bool probabilities = false;                // n_probs > 0
  std::vector<std::string> response_fields;  // only these of the reply; "a/b" takes b out of a
};

Parsed<CompletionRequest> parse_completion_request(std::string_view body);
Parsed<CompletionRequest> parse_infill_request(std::string_view body);

}  // namespace hearth::api::llama_server
