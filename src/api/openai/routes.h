// The OpenAI dialect: chat completions, text completions, responses; under /v1 and without it. Its list of
// models is in api/model_routes.h.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "api/router.h"
#include "serving/generation_service.h"
#include "store/response_store.h"

namespace hearth::api::openai {

struct OpenAiOptions {
  std::string system_fingerprint = "fp_hearth";
  // A comment goes into a silent stream this often; a reply that has not begun by then begins.
  std::chrono::milliseconds keep_alive_interval{10'000};
  store::ResponseStore* responses = nullptr;  // null: responses are not stored; outlives the router
  // Told in one sentence what went wrong beside a reply; from any thread.
  std::function<void(const std::string&)> on_problem = {};
};

// `service` outlives the router.
void add_openai_routes(Router& router, serving::GenerationService& service, OpenAiOptions options = {});

}  // namespace hearth::api::openai
