#include "api/page/fit_route.h"

namespace hearth::api::page {
namespace {

Json model_json(const FitReport::Model& model) {
  const auto rate = [](double tokens_per_second) {
    return tokens_per_second > 0 ? Json(tokens_per_second) : Json();
  };
  return {{"name", model.name},
          {"pull", model.pull},
          {"size_bytes", model.size_bytes},
          {"memory_bytes", model.memory_bytes},
          {"prefill_tps", rate(model.prefill_tokens_per_second)},
          {"decode_tps", rate(model.decode_tokens_per_second.value_or(0))},
          {"verdict", model.verdict},
          {"good_for", model.good_for}};
}

Json report_json(const FitReport& report) {
  Json models = Json::array();
  for (const FitReport::Model& model : report.models) models.push_back(model_json(model));
  Json best = Json::object();
  for (const auto& [purpose, name] : report.best) best[purpose] = name.empty() ? Json() : Json(name);
  return {{"machine",
           {{"memory_bytes", report.memory_bytes},
            {"read_gbps", report.read_bytes_per_second / 1e9},
            {"int8_gmacs", report.macs_per_second / 1e9}}},
          {"models", std::move(models)},
          {"best", std::move(best)}};
}

}  // namespace

MachineFit::~MachineFit() {
  if (thread_.joinable()) thread_.join();
}

Result<std::shared_ptr<const FitReport>> MachineFit::report() {
  const std::lock_guard lock(mutex_);
  if (report_ || measuring_) return report_;
  if (error_) return tl::unexpected(*std::exchange(error_, std::nullopt));
  if (thread_.joinable()) thread_.join();  // it has failed before, and is done
  measuring_ = true;
  thread_ = std::thread([this] {
    Result<FitReport> measured = measure_();
    const std::lock_guard inner(mutex_);
    if (measured) report_ = std::make_shared<const FitReport>(std::move(*measured));
    if (!measured) error_ = measured.error();
    measuring_ = false;
  });
  return nullptr;
}

std::optional<double> MachineFit::read_bytes_per_second() const {
  const std::lock_guard lock(mutex_);
  if (!report_) return std::nullopt;
  return report_->read_bytes_per_second;
}

void add_fit_route(PageRouter& routes, MachineFit& fit) {
  routes.add("GET", "/page/fit", Scope::kChat, [&fit](const HttpRequest&, ResponseWriter& writer) {
    const auto report = fit.report();
    if (!report) return writer.fail(from_error(report.error()));
    if (*report == nullptr) return writer.send(json_reply(Json::object({{"measuring", true}}), 202));
    return writer.send(json_reply(report_json(**report)));
  });
}

}  // namespace hearth::api::page
