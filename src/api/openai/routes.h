// The OpenAI dialect: models, chat completions, text completions; under /v1 and without it.
#pragma once

#include <chrono>
#include <string>

#include "api/router.h"
#include "serving/generation_service.h"

namespace hearth::api::openai {

struct OpenAiOptions {
  std::string system_fingerprint = "fp_hearth";
  // A comment goes into a silent stream this often; a reply that has not begun by then begins.
  std::chrono::milliseconds keep_alive_interval{10'000};
};

// `service` outlives the router.
void add_openai_routes(Router& router, serving::GenerationService& service, OpenAiOptions options = {});

}  // namespace hearth::api::openai
