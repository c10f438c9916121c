#include "api/metrics/server_metrics.h"

#include <prometheus/text_serializer.h>

#include <iterator>
#include <map>
#include <mutex>

#include "api/metrics/model_counters.h"

namespace hearth::api {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

const prometheus::Histogram::BucketBoundaries kRequestSeconds = {0.005, 0.025, 0.1, 0.5, 1,   2.5,
                                                                 5,     10,    30,  60,  300, 1800};

// Values that are asked for rather than counted, in the form the serializer takes.
class Snapshot {
 public:
  void add(const char* name, MetricType type, const char* help, double value,
           std::vector<ClientMetric::Label> labels = {}) {
    if (families_.empty() || families_.back().name != name) {
      families_.push_back({.name = name, .help = help, .type = type, .metric = {}});
    }
    ClientMetric& metric = families_.back().metric.emplace_back();
    metric.label = std::move(labels);
    (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  }
  std::vector<MetricFamily>& families() { return families_; }

 private:
  std::vector<MetricFamily> families_;
};

void add_models(Snapshot& snapshot, const std::vector<serving::LoadedModelState>& models) {
  const auto gauge = [&](const char* name, const char* help, auto value_of) {
    for (const serving::LoadedModelState& model : models) {
      snapshot.add(name, MetricType::Gauge, help, static_cast<double>(value_of(model)),
                   {{"model", model.summary.name}});
    }
  };
  for (const serving::LoadedModelState& model : models) {
    const std::pair<const char*, uint64_t> kinds[] = {{"weights", model.memory.weight_bytes},
                                                      {"cache", model.memory.cache_bytes()},
                                                      {"scratch", model.memory.working_bytes()}};
    for (const auto& [kind, bytes] : kinds) {
      snapshot.add(
          "hearth_memory_bytes", MetricType::Gauge,
          "Memory of loaded models: weights (mapped), cache (keys and values), scratch (activations)",
          static_cast<double>(bytes), {{"kind", kind}, {"model", model.summary.name}});
    }
  }
  gauge("hearth_requests_unfinished", "Requests that a model has, running and waiting",
        [](const auto& model) { return model.n_requests; });
}

void add_engines(Snapshot& snapshot, const std::vector<serving::LoadedModelState>& models) {
  using serving::EngineState;
  struct Value {
    std::vector<ClientMetric::Label> labels;
    int64_t EngineState::*member;
  };
  const auto add = [&](const char* name, MetricType type, const char* help,
                       const std::vector<Value>& values) {
    for (const serving::LoadedModelState& model : models) {
      if (!model.engine) continue;
      for (const Value& value : values) {
        std::vector<ClientMetric::Label> labels = value.labels;
        labels.push_back({"model", model.summary.name});
        snapshot.add(name, type, help, static_cast<double>((*model.engine).*(value.member)),
                     std::move(labels));
      }
    }
  };
  constexpr auto kGauge = MetricType::Gauge, kCounter = MetricType::Counter;
  add("hearth_requests_running", kGauge, "Requests with a part in the model's steps",
      {{{}, &EngineState::n_running}});
  add("hearth_preemptions_total", kCounter,
      "Times that a request gave its memory to an older one and waited once more",
      {{{}, &EngineState::n_preemptions}});
  add("hearth_kv_blocks", kGauge,
      "Blocks of keys and values: in_use (by requests), kept (prefixes for requests to come), free",
      {{{{"state", "in_use"}}, &EngineState::n_blocks_in_use},
       {{{"state", "kept"}}, &EngineState::n_blocks_kept},
       {{{"state", "free"}}, &EngineState::n_blocks_free}});
  add("hearth_prefix_evicted_blocks_total", kCounter, "Blocks of prefixes that were given up for room",
      {{{}, &EngineState::n_blocks_evicted}});
  add("hearth_prefix_hits_total", kCounter,
      "Generations that took a part of their prompt from memory, or had some of it read back from disk",
      {{{{"source", "memory"}}, &EngineState::memory_hits}, {{{"source", "disk"}}, &EngineState::disk_hits}});
  add("hearth_prefix_reused_tokens_total", kCounter, "Tokens of prompts that were there, by where they were",
      {{{{"source", "memory"}}, &EngineState::memory_tokens},
       {{{"source", "disk"}}, &EngineState::disk_tokens}});
}

// Also llama-server's two names, over all models.
void add_queues(Snapshot& snapshot, const std::vector<serving::LoadedModelState>& models,
                const std::vector<serving::AwaitedModel>& awaited) {
  int64_t n_running = 0, n_waiting = 0;
  const auto waiting = [&](const std::string& model, const char* reason, int64_t n) {
    n_waiting += n;
    snapshot.add("hearth_requests_waiting", MetricType::Gauge,
                 "Requests that do not run yet: in the queue of a model, or until it is loaded",
                 static_cast<double>(n), {{"reason", reason}, {"model", model}});
  };
  for (const serving::LoadedModelState& model : models) {
    if (!model.engine) continue;
    n_running += model.engine->n_running;
    waiting(model.summary.name, "queue", model.engine->n_waiting);
  }
  for (const serving::AwaitedModel& model : awaited) {
    waiting(model.name, "load", static_cast<int64_t>(model.n_requests));
  }
  snapshot.add("llamacpp:requests_processing", MetricType::Gauge, "Requests with a part in a model's steps",
               static_cast<double>(n_running));
  snapshot.add("llamacpp:requests_deferred", MetricType::Gauge, "Requests that wait",
               static_cast<double>(n_waiting));
}

void add_prefix_disk(Snapshot& snapshot, const serving::PrefixDiskState& disk) {
  const auto gauge = [&](const char* name, const char* help, auto value) {
    snapshot.add(name, MetricType::Gauge, help, static_cast<double>(value));
  };
  gauge("hearth_prefix_disk_bytes", "Prefixes on disk, of all models", disk.bytes);
  gauge("hearth_prefix_disk_blocks", "Blocks of prefixes on disk", disk.n_blocks);
  const std::pair<const char*, int64_t> operations[] = {{"read", disk.n_read},
                                                        {"written", disk.n_written},
                                                        {"removed", disk.n_removed},
                                                        {"damaged", disk.n_damaged}};
  for (const auto& [operation, n] : operations) {
    snapshot.add("hearth_prefix_disk_blocks_total", MetricType::Counter,
                 "Blocks that were read back, written, removed for room, found damaged",
                 static_cast<double>(n), {{"operation", operation}});
  }
}

// llama-server's names, over all models. Its rates are averages since the start, as there.
void add_llama_names(Snapshot& snapshot, const TokenTotals& totals) {
  const auto counter = [&](const char* name, const char* help, double value) {
    snapshot.add(name, MetricType::Counter, help, value);
  };
  const auto rate = [&](const char* name, const char* help, double tokens, double seconds) {
    snapshot.add(name, MetricType::Gauge, help, seconds > 0 ? tokens / seconds : 0);
  };
  counter("llamacpp:prompt_tokens_total", "Prompt tokens computed", totals.prompt_tokens);
  counter("llamacpp:prompt_seconds_total", "Prompt processing time", totals.prompt_seconds);
  counter("llamacpp:tokens_predicted_total", "Tokens generated", totals.generated_tokens);
  counter("llamacpp:tokens_predicted_seconds_total", "Generation time", totals.generation_seconds);
  counter("llamacpp:spec_decode_num_draft_tokens_total", "Tokens drafted", totals.drafted_tokens);
  counter("llamacpp:spec_decode_num_accepted_tokens_total", "Drafted tokens accepted",
          totals.accepted_tokens);
  rate("llamacpp:prompt_tokens_seconds", "Prompt tokens per second", totals.prompt_tokens,
       totals.prompt_seconds);
  rate("llamacpp:predicted_tokens_seconds", "Generated tokens per second", totals.generated_tokens,
       totals.generation_seconds);
}

Task<void> serve_metrics(const ServerMetrics& metrics, const serving::GenerationService& service,
                         ResponseWriter& writer) {
  HttpResponse response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = metrics.text(service);
  co_await writer.send(std::move(response));
}

}  // namespace

struct ServerMetrics::State {
  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& requests = prometheus::BuildCounter()
                                                          .Name("hearth_requests_total")
                                                          .Help("HTTP requests that were answered")
                                                          .Register(registry);
  prometheus::Family<prometheus::Histogram>& request_seconds =
      prometheus::BuildHistogram()
          .Name("hearth_request_seconds")
          .Help("From the first byte of a request to the last one of its reply")
          .Register(registry);
  mutable std::mutex mutex;
  std::map<std::string, std::shared_ptr<ModelCounters>> models;  // under mutex
};

ServerMetrics::ServerMetrics() : state_(std::make_shared<State>()) {}
ServerMetrics::~ServerMetrics() = default;

std::shared_ptr<serving::ModelMetrics> ServerMetrics::of_model(const std::string& name) {
  std::lock_guard lock(state_->mutex);
  std::shared_ptr<ModelCounters>& counters = state_->models[name];
  if (counters == nullptr) counters = std::make_shared<ModelCounters>(state_->registry, name);
  // The counters belong to the registry, so whoever holds them keeps it.
  return {state_, counters.get()};
}

void ServerMetrics::on_request(const AccessRecord& record) {
  std::string model;
  {
    std::lock_guard lock(state_->mutex);
    if (state_->models.contains(record.notes.model)) model = record.notes.model;
  }
  state_->requests
      .Add({{"route", record.notes.route},
            {"dialect", record.notes.dialect},
            {"status", std::to_string(record.status)},
            {"model", model}})
      .Increment();
  state_->request_seconds.Add({{"route", record.notes.route}}, kRequestSeconds)
      .Observe(record.duration_ms / 1000);
}

TokenTotals ServerMetrics::totals() const {
  TokenTotals sum;
  std::lock_guard lock(state_->mutex);
  for (const auto& [name, counters] : state_->models) sum += counters->totals();
  return sum;
}

std::string ServerMetrics::text(const serving::GenerationService& service) const {
  Snapshot snapshot;
  const std::vector<serving::LoadedModelState> models = service.loaded_models();
  add_models(snapshot, models);
  add_engines(snapshot, models);
  add_queues(snapshot, models, service.awaited_models());
  if (const auto disk = service.prefix_disk()) add_prefix_disk(snapshot, *disk);
  add_llama_names(snapshot, totals());
  std::vector<MetricFamily> families = state_->registry.Collect();
  std::move(snapshot.families().begin(), snapshot.families().end(), std::back_inserter(families));
  return prometheus::TextSerializer().Serialize(families);
}

void add_metrics_route(Router& router, const ServerMetrics& metrics,
                       const serving::GenerationService& service) {
  router.add("GET", "/metrics", Scope::kManage, [&](const HttpRequest&, ResponseWriter& writer) {
    return serve_metrics(metrics, service, writer);
  });
}

}  // namespace hearth::api
