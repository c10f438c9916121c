#include "api/metrics/model_counters.h"

namespace hearth::api {
namespace {

using prometheus::Counter;
using prometheus::Histogram;
using prometheus::Labels;

const Histogram::BucketBoundaries kFirstTokenSeconds = {0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
                                                        2.5,  5,     10,   30,  60,   120, 300};
const Histogram::BucketBoundaries kNextTokenSeconds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                       0.1,   0.25,   0.5,   1,    2.5,   10};

Counter& counter(prometheus::Registry& registry, const char* name, const char* help, const Labels& labels) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add(labels);
}

Histogram& histogram(prometheus::Registry& registry, const char* name, const char* help, const Labels& labels,
                     const Histogram::BucketBoundaries& bounds) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add(labels, bounds);
}

Counter& generations(prometheus::Registry& registry, const std::string& model, const char* outcome) {
  return counter(registry, "hearth_generations_total",
                 "Generations that ended: completed, or failed (cancelled ones included)",
                 {{"model", model}, {"outcome", outcome}});
}

}  // namespace

TokenTotals& TokenTotals::operator+=(const TokenTotals& other) {
  prompt_tokens += other.prompt_tokens;
  prompt_seconds += other.prompt_seconds;
  generated_tokens += other.generated_tokens;
  generation_seconds += other.generation_seconds;
  drafted_tokens += other.drafted_tokens;
  accepted_tokens += other.accepted_tokens;
  return *this;
}

ModelCounters::ModelCounters(prometheus::Registry& registry, const std::string& name)
    : loads_(counter(registry, "hearth_model_loads_total", "Times the model was loaded", {{"model", name}})),
      unloads_(
          counter(registry, "hearth_model_unloads_total", "Times the model was let go", {{"model", name}})),
      first_token_(histogram(registry, "hearth_time_to_first_token_seconds",
                             "From giving a request to the model to its first token, queueing included",
                             {{"model", name}}, kFirstTokenSeconds)),
      next_token_(histogram(registry, "hearth_inter_token_seconds", "Between two tokens of one generation",
                            {{"model", name}}, kNextTokenSeconds)),
      completed_(generations(registry, name, "completed")),
      failed_(generations(registry, name, "failed")),
      prefix_hits_(counter(registry, "hearth_prefix_cache_hits_total",
                           "Generations that took a part of their prompt from the cache", {{"model", name}})),
      prompt_tokens_(counter(registry, "hearth_prompt_tokens_total",
                             "Tokens of prompts, cached ones included", {{"model", name}})),
      cached_tokens_(counter(registry, "hearth_cached_prompt_tokens_total",
                             "Tokens of prompts that were not computed again", {{"model", name}})),
      generated_tokens_(
          counter(registry, "hearth_generated_tokens_total", "Tokens that were sampled", {{"model", name}})),
      drafted_tokens_(counter(registry, "hearth_drafted_tokens_total", "Tokens that were guessed ahead",
                              {{"model", name}})),
      accepted_tokens_(counter(registry, "hearth_accepted_draft_tokens_total",
                               "Tokens that were guessed ahead and right", {{"model", name}})),
      queue_seconds_(counter(registry, "hearth_queue_seconds_total",
                             "Time that requests waited for their turn", {{"model", name}})),
      prompt_seconds_(counter(registry, "hearth_prompt_seconds_total", "Time that prompts took to be read",
                              {{"model", name}})),
      generation_seconds_(counter(registry, "hearth_generation_seconds_total",
                                  "Time from first to last token, of all generations together",
                                  {{"model", name}})) {}

void ModelCounters::on_end(const serving::GenerationRecord& record) {
  const auto add = [](Counter& counter, auto value) { counter.Increment(static_cast<double>(value)); };
  (record.failed ? failed_ : completed_).Increment();
  if (record.usage.cached_tokens > 0) prefix_hits_.Increment();
  add(prompt_tokens_, record.usage.prompt_tokens);
  add(cached_tokens_, record.usage.cached_tokens);
  add(generated_tokens_, record.usage.completion_tokens);
  add(drafted_tokens_, record.timings.drafted_tokens);
  add(accepted_tokens_, record.timings.accepted_tokens);
  add(queue_seconds_, record.timings.queue_ms / 1000);
  add(prompt_seconds_, record.timings.prefill_ms / 1000);
  add(generation_seconds_, record.timings.decode_ms / 1000);
}

TokenTotals ModelCounters::totals() const {
  return {.prompt_tokens = prompt_tokens_.Value() - cached_tokens_.Value(),
          .prompt_seconds = prompt_seconds_.Value(),
          .generated_tokens = generated_tokens_.Value(),
          .generation_seconds = generation_seconds_.Value(),
          .drafted_tokens = drafted_tokens_.Value(),
          .accepted_tokens = accepted_tokens_.Value()};
}

}  // namespace hearth::api
