// What an answer must look like, as the OpenAI dialect and llama-server's extensions ask for it.
#pragma once

#include <string>

#include "api/fields.h"
#include "serving/generation_request.h"

namespace hearth::api::openai {

// {"type":"text"}, {"type":"json_object"} or {"type":"json_schema","json_schema":{"schema":…}}; a schema may
// also stand beside the type, of json_object too. `where` is the field's whole name.
Parsed<serving::OutputFormat> read_format(const Json& format, const std::string& where);

// response_format, or llama-server's grammar or json_schema at the top level. More than one is refused.
Parsed<serving::OutputFormat> read_output_format(const Json& body);

}  // namespace hearth::api::openai
