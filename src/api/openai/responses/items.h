// What a response goes on from: items of the Responses API, in terms of chat messages.
#pragma once

#include <string>
#include <vector>

#include "api/fields.h"
#include "api/openai/responses/tools.h"
#include "serving/generation_request.h"

namespace hearth::api::openai::responses {

// `input` of a request, a string or a list, as a list of items that all have a type and an id. Empty when
// absent.
Parsed<Json> read_input(const Json& body);

// The id of an earlier item that this one stands for; empty: it stands for itself.
std::string referenced_id(const Json& item);

// The conversation that these items make, behind what `instructions` says. `n_earlier` of them come from
// earlier responses, which is how errors name them. Items of tools that a server runs itself are left out;
// the reasoning that comes before an answer or a call becomes that message's own.
Parsed<std::vector<serving::ChatMessage>> read_conversation(const std::string& instructions,
                                                            const std::vector<Json>& items, size_t n_earlier,
                                                            const OfferedTools& tools);

}  // namespace hearth::api::openai::responses
