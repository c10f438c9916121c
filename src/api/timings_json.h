// How the time of a generation went, as llama-server names it; several dialects show it.
#pragma once

#include "api/json.h"
#include "serving/token_stream.h"

namespace hearth::api {

Json timings_json(const serving::GenerationEnd& end);

}  // namespace hearth::api
