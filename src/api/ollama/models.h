// Listings and descriptions of models.
#pragma once

#include "api/json.h"
#include "serving/generation_service.h"

namespace hearth::api::ollama {

// /api/tags, newest first.
Json tags_json(const std::vector<serving::ModelSummary>& models);
// /api/ps, with the lines of each model's memory plan, and all memory against the budget.
Json ps_json(const std::vector<serving::LoadedModelState>& models, const serving::MemoryUse& memory);
// /api/show
Json show_json(const serving::ModelDetails& details);

}  // namespace hearth::api::ollama
