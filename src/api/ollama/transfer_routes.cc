#include "api/ollama/transfer_routes.h"

#include <array>
#include <atomic>
#include <chrono>

#include "api/ollama/fields.h"
#include "api/ollama/progress_stream.h"
#include "registry/push.h"

namespace hearth::api::ollama {
namespace {

using std::chrono::steady_clock;

constexpr size_t kAtOnce = 4;  // further transfers wait for one to end
constexpr std::chrono::milliseconds kReportEvery{60};

struct Routes {
  const std::shared_ptr<store::ModelStore> models;
  const registry::TransferOptions options;
  std::array<Worker, kAtOnce> workers{};
  std::atomic<size_t> next = 0;
};

struct TransferRequest {
  std::string name;
  bool stream = true;
};

Parsed<TransferRequest> parse_transfer_request(std::string_view text) {
  HEARTH_API_TRY(const Json body, read_body(text));
  TransferRequest request;
  HEARTH_API_TRY(request.name, read_model(body));
  if (const auto name = store::ModelName::parse(request.name); !name)
    return refuse_with(name.error().message);
  HEARTH_API_TRY(request.stream, read_bool(body, "stream", true));
  HEARTH_API_TRY(const bool insecure, read_bool(body, "insecure", false));
  if (insecure) {
    return refuse_with(
        "a request cannot do without TLS; the setting \"registries\" names registries that have none, as "
        "http://HOST:PORT");
  }
  return request;
}

Json to_json(const registry::TransferProgress& progress) {
  Json json = Json{{"status", progress.status}};
  if (!progress.digest.empty()) {
    json["digest"] = progress.digest;
    json["total"] = progress.total_bytes;
    json["completed"] = progress.done_bytes;
  }
  return json;
}

using Transfer =
    std::function<Status(store::ModelStore&, const std::string&, const registry::TransferOptions&)>;

Task<void> transfer(const std::shared_ptr<Routes>& routes, Transfer start, const HttpRequest& http,
                    ResponseWriter& writer) {
  const auto request = parse_transfer_request(http.body);
  if (!request) {
    co_await writer.fail(request.error());
    co_return;
  }
  writer.notes().model = request->name;
  // Of the routes it holds what it needs alone: the worker that does the job is theirs.
  const Job job = [models = routes->models, usual = routes->options, start = std::move(start),
                   name = request->name](const Report& report) {
    std::atomic<bool> cancelled = false;
    registry::TransferOptions options = usual;
    options.cancelled = &cancelled;
    auto reported = steady_clock::time_point::min();
    options.report = [&](const registry::TransferProgress& progress) {
      const bool under_way = !progress.digest.empty() && progress.done_bytes != progress.total_bytes;
      const auto now = steady_clock::now();
      if (under_way && now - kReportEvery < reported) return;
      reported = now;
      if (!report(to_json(progress))) cancelled = true;
    };
    return start(*models, name, options);
  };
  co_await reply_with_progress(routes->workers[routes->next++ % kAtOnce], job, request->stream, writer);
}

}  // namespace

void add_transfer_routes(Router& router, std::shared_ptr<store::ModelStore> models,
                         registry::TransferOptions options) {
  const auto routes = std::shared_ptr<Routes>(new Routes{std::move(models), std::move(options)});
  router.set_dialect("ollama");
  router.add("POST", "/api/pull", Scope::kManage,
             [routes](const HttpRequest& request, ResponseWriter& writer) {
               return transfer(routes, registry::pull_model, request, writer);
             });
  router.add("POST", "/api/push", Scope::kManage,
             [routes](const HttpRequest& request, ResponseWriter& writer) {
               return transfer(routes, registry::push_model, request, writer);
             });
}

}  // namespace hearth::api::ollama
