// The response object: with all of its keys, null ones too, for clients that expect each to be there.
#pragma once

#include <string>

#include "api/error_response.h"
#include "api/openai/responses/request.h"
#include "serving/token_stream.h"

namespace hearth::api::openai::responses {

// As it begins: in progress, without output.
Json new_response(const ResponsesRequest& request, const std::string& id, int64_t created_unix_seconds);

// As it ends: completed, or incomplete where the limit of tokens cut it off.
void complete_response(Json& response, Json output, const serving::GenerationEnd& end,
                       int64_t now_unix_seconds);
// As it breaks off, with what was whole by then.
void fail_response(Json& response, Json output, const ApiError& error);

}  // namespace hearth::api::openai::responses
