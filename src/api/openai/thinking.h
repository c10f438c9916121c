// How much the model is to think, and what else a request tells the template.
#pragma once

#include "api/fields.h"
#include "serving/generation_request.h"

namespace hearth::api::openai {

// Thinking and the template's variables, from the four dialects clients write them in. What names a thing
// more exactly wins: chat_template_kwargs, then reasoning, then reasoning_effort, then think.
Parsed<void> read_thinking(const Json& body, serving::ChatPrompt& prompt);

}  // namespace hearth::api::openai
