// What the server holds and does now, for the status page.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "api/http_server.h"
#include "api/metrics/server_metrics.h"
#include "api/page/page_router.h"
#include "serving/generation_service.h"

namespace hearth::api::page {

// The latest requests that a model worked for, of every dialect. Thread-safe.
class RequestLog {
 public:
  static constexpr size_t kMost = 50;

  struct Entry {
    int64_t ended_unix_ms = 0;
    AccessRecord record;
  };

  // Those without a model are left out: they are polls and files.
  void add(const AccessRecord& record);
  // Oldest first.
  std::vector<Entry> latest() const;

 private:
  mutable std::mutex mutex_;
  std::deque<Entry> entries_;
};

// All of it outlives the router.
struct StatusSources {
  const serving::GenerationService& service;
  const ServerMetrics* metrics;  // null: counts of tokens are those that run
  const RequestLog& requests;
  // Bytes per second that the machine's memory gives; nothing: not measured yet. null: never.
  std::function<std::optional<double>()> read_limit;
  std::string version;
};

void add_status_route(PageRouter& routes, StatusSources sources);

}  // namespace hearth::api::page
