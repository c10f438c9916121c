// POST /v1/completions: JSON to native requests.
#pragma once

#include "api/openai/fields.h"

namespace hearth::api::openai {

Parsed<DialectRequest> parse_completion_request(std::string_view body);

}  // namespace hearth::api::openai
