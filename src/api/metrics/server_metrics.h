// What this server has done and holds now, in Prometheus's text format (exposition format 0.0.4). docs/api.md
// lists the names; llama-server's stand beside ours where they mean the same.
//
// Labels have few values: routes are patterns, and only models that were loaded are named.
#pragma once

#include <memory>
#include <string>

#include "api/http_server.h"
#include "serving/generation_service.h"
#include "serving/metrics.h"

namespace hearth::api {

struct TokenTotals;  // model_counters.h

// Thread-safe.
class ServerMetrics : public serving::Metrics {
 public:
  ServerMetrics();
  ~ServerMetrics() override;

  std::shared_ptr<serving::ModelMetrics> of_model(const std::string& name) override;
  void on_request(const AccessRecord& record);

  // Of all models, whatever has ended.
  TokenTotals totals() const;
  // All counters, and the state of the models in memory.
  std::string text(const serving::GenerationService& service) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// GET /metrics. Both outlive the router.
void add_metrics_route(Router& router, const ServerMetrics& metrics,
                       const serving::GenerationService& service);

}  // namespace hearth::api
