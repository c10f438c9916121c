// How the time of a generation goes and went, as llama-server names it; several dialects show it.
#pragma once

#include "api/json.h"
#include "serving/token_stream.h"

namespace hearth::api {

Json timings_json(const serving::GenerationEnd& end);
Json progress_json(const serving::PromptProgress& progress);

}  // namespace hearth::api
