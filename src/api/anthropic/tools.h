// tools and tool_choice of a request.
#pragma once

#include "api/fields.h"
#include "serving/generation_request.h"

namespace hearth::api::anthropic {

// Into the prompt's tools, tool_choice and parallel_tool_calls. Tools that the vendor's servers run are left
// out.
Parsed<void> read_tools(const Json& body, serving::GenerationRequest& request, serving::ChatPrompt& prompt);

}  // namespace hearth::api::anthropic
