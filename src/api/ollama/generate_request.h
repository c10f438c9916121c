// POST /api/generate: the body as a native request.
#pragma once

#include "api/ollama/fields.h"

namespace hearth::api::ollama {

Parsed<DialectRequest> parse_generate_request(std::string_view body);

}  // namespace hearth::api::ollama
