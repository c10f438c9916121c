// POST /responses: JSON to a native request, and what its response repeats of it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/openai/responses/items.h"
#include "api/openai/responses/tools.h"

namespace hearth::api::openai::responses {

struct ResponsesRequest {
  serving::GenerationRequest generation;  // without the messages until add_conversation()
  std::string instructions;
  std::string previous_response_id;
  Json input;  // read_input()
  OfferedTools tools;
  bool stream = false;
  bool store = true;
  bool encrypted_reasoning = false;  // reasoning items carry what brings them back
  Json repeated = Json::object();    // fields of the response that say what was asked
};

Parsed<ResponsesRequest> parse_responses_request(std::string_view body);

// Makes the prompt of `earlier` items and the request's own.
Parsed<void> add_conversation(ResponsesRequest& request, std::vector<Json> earlier);

}  // namespace hearth::api::openai::responses
