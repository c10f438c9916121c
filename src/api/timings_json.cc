#include "api/timings_json.h"

#include <cmath>

namespace hearth::api {

Json timings_json(const serving::GenerationEnd& end) {
  const auto each = [](double ms, int64_t n) { return n > 0 ? ms / static_cast<double>(n) : 0.0; };
  const auto rate = [](double ms, int64_t n) { return ms > 0 ? static_cast<double>(n) * 1000.0 / ms : 0.0; };
  const int64_t n_prompt = end.usage.prompt_tokens - end.usage.cached_tokens;
  const int64_t n_predicted = end.usage.completion_tokens;
  Json json = Json::object();
  json["queue_ms"] = end.timings.queue_ms;
  json["cache_n"] = end.usage.cached_tokens;
  json["prompt_n"] = n_prompt;
  json["prompt_ms"] = end.timings.prefill_ms;
  json["prompt_per_token_ms"] = each(end.timings.prefill_ms, n_prompt);
  json["prompt_per_second"] = rate(end.timings.prefill_ms, n_prompt);
  json["predicted_n"] = n_predicted;
  json["predicted_ms"] = end.timings.decode_ms;
  json["predicted_per_token_ms"] = each(end.timings.decode_ms, n_predicted);
  json["predicted_per_second"] = rate(end.timings.decode_ms, n_predicted);
  if (end.timings.drafted_tokens > 0) {
    json["draft_n"] = end.timings.drafted_tokens;
    json["draft_n_accepted"] = end.timings.accepted_tokens;
  }
  return json;
}

Json progress_json(const serving::PromptProgress& progress) {
  Json json = Json::object();
  json["total"] = progress.total;
  json["cache"] = progress.cached;
  json["processed"] = progress.processed;
  json["time_ms"] = std::llround(progress.elapsed_ms);
  return json;
}

}  // namespace hearth::api
