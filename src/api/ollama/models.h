// Listings and descriptions of models.
#pragma once

#include "api/json.h"
#include "serving/generation_service.h"

namespace hearth::api::ollama {

// /api/tags, newest first.
Json tags_json(const std::vector<serving::ModelSummary>& models);
// /api/ps
Json ps_json(const std::vector<serving::LoadedModelState>& models);
// /api/show
Json show_json(const serving::ModelDetails& details);

}  // namespace hearth::api::ollama
