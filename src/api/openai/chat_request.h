// POST /v1/chat/completions: JSON to native requests.
#pragma once

#include "api/openai/fields.h"

namespace hearth::api::openai {

Parsed<DialectRequest> parse_chat_request(std::string_view body);

}  // namespace hearth::api::openai
