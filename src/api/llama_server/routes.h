// llama-server's own surface: tokens, templates, native completions, infill, and what it tells of itself. All
// of it beside the OpenAI dialect, whose errors it shares.
#pragma once

#include <chrono>
#include <string>

#include "api/router.h"
#include "serving/generation_service.h"

namespace hearth::api::llama_server {

struct LlamaServerOptions {
  std::string build_info = "hearth";
  // A comment goes into a silent stream this often.
  std::chrono::milliseconds keep_alive_interval{10'000};
};

// `service` outlives the router.
void add_llama_server_routes(Router& router, serving::GenerationService& service,
                             LlamaServerOptions options = {});

}  // namespace hearth::api::llama_server
