// The Ollama dialect: generation, embeddings, and what models there are. Routes of the model store are not
// here.
#pragma once

#include <chrono>
#include <string>

#include "api/router.h"
#include "serving/generation_service.h"

namespace hearth::api::ollama {

struct OllamaOptions {
  std::string server_version;  // of this server, beside the number that clients compare
  // An empty piece goes into a silent stream this often; a reply that has not begun by then begins.
  std::chrono::milliseconds keep_alive_interval{10'000};
};

// `service` outlives the router.
void add_ollama_routes(Router& router, serving::GenerationService& service, OllamaOptions options = {});

}  // namespace hearth::api::ollama
