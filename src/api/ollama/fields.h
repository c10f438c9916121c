// What the requests of this dialect share. Errors have Ollama's own words where clients look for them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/fields.h"
#include "serving/generation_request.h"

namespace hearth::api::ollama {

// 400 with the message as it is.
tl::unexpected<ApiError> refuse_with(std::string message);

// The body as an object.
Parsed<Json> read_body(std::string_view body);

// "model", or as older clients write it, "name". May be absent.
Parsed<std::string> read_model(const Json& body);

// "options": sampling, length and context. Unknown names are ignored, known ones are held to their types.
Parsed<void> read_options(const Json& body, serving::GenerationRequest& request);

// "format": "json" or a JSON schema.
Parsed<serving::OutputFormat> read_format(const Json& body);

// "think": true, false, or a level, which implies true.
struct Thinking {
  std::optional<bool> wanted;  // absent = the model's default
  std::string level;           // "low", "medium", "high"; empty = none
};
Parsed<Thinking> read_think(const Json& body);
void apply(const Thinking& thinking, serving::ChatPrompt& prompt);

// "images" of a request or message: refused unless there are none. `shown_name` is the field's whole name.
Parsed<void> refuse_images(const Json& object, const std::string& shown_name);

// A generation as the routes hand it on.
struct DialectRequest {
  serving::GenerationRequest generation;
  bool stream = true;
  bool is_empty = false;         // nothing to answer: the model is to be loaded, or to be let go
  bool render_only = false;      // the prompt as text is asked for, no answer
  bool returns_context = false;  // the answer's end has the token ids of the conversation
};

// model, stream, keep_alive, options, format, truncate, shift, logprobs and _debug_render_only.
Parsed<DialectRequest> read_shared_fields(const Json& body);

}  // namespace hearth::api::ollama
