#include "api/page/status_route.h"

#include <algorithm>
#include <chrono>
#include <map>

#include "api/metrics/model_counters.h"

namespace hearth::api::page {
namespace {

using std::chrono::steady_clock;

// Share of the memory's bandwidth that writing takes: every step reads a model's weights once for all that it
// answers at the time. Of models with experts it is more than they read, so it is no more than an upper bound
// there.
class BandwidthShare {
 public:
  // Of the time since the last call a second ago or more; nothing before there was one.
  std::optional<double> update(const std::vector<serving::LoadedModelState>& models, double limit,
                               steady_clock::time_point now) {
    const std::lock_guard lock(mutex_);
    double bytes = 0;
    std::map<std::string, int64_t> written;
    for (const serving::LoadedModelState& model : models) {
      // The oldest generation takes part in every step.
      if (model.running.empty()) continue;
      const serving::RunningGeneration& oldest = model.running.front();
      const std::string key = model.summary.name + "\n" + std::to_string(oldest.id);
      written[key] = oldest.generated_tokens;
      const auto before = written_.find(key);
      const int64_t steps = before == written_.end() ? 0 : oldest.generated_tokens - before->second;
      bytes += static_cast<double>(steps) * static_cast<double>(model.memory.weight_bytes);
    }
    const double seconds = std::chrono::duration<double>(now - at_).count();
    if (seconds < kLeastSeconds) return share_;
    share_.reset();
    if (at_ != steady_clock::time_point() && seconds < kMostSeconds && limit > 0) {
      share_ = std::min(1.0, bytes / seconds / limit);
    }
    at_ = now;
    written_ = std::move(written);
    return share_;
  }

 private:
  static constexpr double kLeastSeconds = 0.9;
  static constexpr double kMostSeconds = 10;  // nobody looked for so long: there is no rate
  std::mutex mutex_;
  steady_clock::time_point at_;
  std::map<std::string, int64_t> written_;
  std::optional<double> share_;
};

struct Status {
  explicit Status(StatusSources status_sources) : sources(std::move(status_sources)) {}
  const StatusSources sources;
  const steady_clock::time_point started = steady_clock::now();
  BandwidthShare bandwidth;
};

Json model_json(const serving::LoadedModelState& model) {
  Json running = Json::array();
  for (const serving::RunningGeneration& one : model.running) {
    running.push_back({{"id", std::to_string(one.id)},
                       {"prompt_tokens", one.prompt_tokens},
                       {"cached_tokens", one.cached_tokens},
                       {"read_tokens", one.read_tokens},
                       {"generated_tokens", one.generated_tokens}});
  }
  const serving::MemoryPlan& memory = model.memory;
  return {{"name", model.summary.name},
          {"weights_bytes", memory.weight_bytes},
          {"cache_bytes", memory.cache_bytes()},
          {"scratch_bytes", memory.activation_bytes + memory.scratch_bytes},
          {"other_bytes", memory.logit_bytes + memory.embedder_bytes},
          {"expires", model.expires_unix_seconds ? Json(*model.expires_unix_seconds * 1000) : Json()},
          {"running", std::move(running)}};
}

Json request_json(const RequestLog::Entry& entry) {
  const AccessRecord& record = entry.record;
  return {{"id", record.request_id},
          {"time", entry.ended_unix_ms},
          {"client", record.remote_address},
          {"dialect", record.notes.dialect},
          {"route", record.notes.route},
          {"model", record.notes.model},
          {"status", record.status},
          {"queue_ms", record.notes.queue_ms},
          {"load_ms", record.notes.load_ms},
          {"prefill_ms", record.notes.prefill_ms},
          {"decode_ms", record.notes.decode_ms},
          {"prompt_tokens", record.notes.prompt_tokens},
          {"cached_tokens", record.notes.cached_tokens},
          {"completion_tokens", record.notes.completion_tokens}};
}

Json status_json(Status& status) {
  const StatusSources& sources = status.sources;
  const auto now = steady_clock::now();
  // Before what runs is asked for: an answer that ends in between counts once too little rather than twice,
  // which the next look puts right.
  const TokenTotals done = sources.metrics != nullptr ? sources.metrics->totals() : TokenTotals();
  double read = done.prompt_tokens;
  double written = done.generated_tokens;
  const std::vector<serving::LoadedModelState> loaded = sources.service.loaded_models();
  int64_t queue = 0, running = 0;
  serving::EngineState cache;
  Json models = Json::array();
  for (const serving::LoadedModelState& model : loaded) {
    models.push_back(model_json(model));
    for (const serving::RunningGeneration& one : model.running) {
      read += static_cast<double>(one.read_tokens - one.cached_tokens);
      written += static_cast<double>(one.generated_tokens);
    }
    const auto n_running = static_cast<int64_t>(model.running.size());
    running += n_running;
    queue += std::max<int64_t>(0, static_cast<int64_t>(model.n_requests) - n_running);
    if (!model.engine) continue;
    cache.memory_hits += model.engine->memory_hits;
    cache.memory_tokens += model.engine->memory_tokens;
    cache.disk_hits += model.engine->disk_hits;
    cache.disk_tokens += model.engine->disk_tokens;
  }
  for (const serving::AwaitedModel& model : sources.service.awaited_models()) {
    queue += static_cast<int64_t>(model.n_requests);
  }
  const auto limit = sources.read_limit ? sources.read_limit() : std::nullopt;
  const auto share = status.bandwidth.update(loaded, limit.value_or(0), now);
  const serving::MemoryUse memory = sources.service.memory();
  Json requests = Json::array();
  for (const RequestLog::Entry& entry : sources.requests.latest()) requests.push_back(request_json(entry));
  return Json{
      {"uptime_ms", std::chrono::duration_cast<std::chrono::milliseconds>(now - status.started).count()},
      {"version", sources.version},
      {"models", std::move(models)},
      {"memory",
       {{"budget_bytes", memory.budget_bytes},
        {"planned_bytes", memory.planned_bytes},
        {"anonymous_bytes", memory.anonymous_bytes},
        {"mapped_bytes", memory.mapped_bytes}}},
      {"tokens", {{"read", static_cast<int64_t>(read)}, {"written", static_cast<int64_t>(written)}}},
      {"queue", queue},
      {"running", running},
      {"cache",
       {{"memory_hits", cache.memory_hits},
        {"memory_tokens", cache.memory_tokens},
        {"disk_hits", cache.disk_hits},
        {"disk_tokens", cache.disk_tokens}}},
      {"requests", std::move(requests)},
      {"bandwidth",
       {{"limit_gbps", limit ? Json(*limit / 1e9) : Json()},
        {"share", limit && share ? Json(*share) : Json()}}}};
}

}  // namespace

void RequestLog::add(const AccessRecord& record) {
  if (record.notes.model.empty()) return;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::lock_guard lock(mutex_);
  entries_.push_back({std::chrono::duration_cast<std::chrono::milliseconds>(now).count(), record});
  if (entries_.size() > kMost) entries_.pop_front();
}

std::vector<RequestLog::Entry> RequestLog::latest() const {
  const std::lock_guard lock(mutex_);
  return {entries_.begin(), entries_.end()};
}

void add_status_route(PageRouter& routes, StatusSources sources) {
  const auto status = std::make_shared<Status>(std::move(sources));
  routes.add("GET", "/page/status", Scope::kChat, [status](const HttpRequest&, ResponseWriter& writer) {
    return writer.send(json_reply(status_json(*status)));
  });
}

}  // namespace hearth::api::page
