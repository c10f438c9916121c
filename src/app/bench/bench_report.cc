#include "app/bench/bench_report.h"

#include <fmt/format.h>

#include <algorithm>

namespace hearth::app {
namespace {

const char* name_of(PageSize pages) {
  return pages == PageSize::kHuge ? "huge" : "small";
}

bool is_prompt(const BenchResult& result) {
  return result.test.kind == BenchTest::Kind::kPrompt;
}

double all_bytes(const tensor::Work& work) {
  return work.weight_bytes + work.cache_bytes + work.activation_bytes;
}

// A cell of a table; empty for nothing.
std::string cell(double value, int width, int digits) {
  return value > 0 ? fmt::format("{:>{}.{}f}", value, width, digits)
                   : std::string(static_cast<size_t>(width), ' ');
}

api::Json profile_json(const BenchProfile& profile) {
  api::Json phases = api::Json::array();
  for (const tensor::Phase& phase : profile.phases) {
    phases.push_back({{"phase", phase.name},
                      {"calls", phase.calls},
                      {"seconds", phase.seconds},
                      {"weight_bytes", phase.work.weight_bytes},
                      {"cache_bytes", phase.work.cache_bytes},
                      {"activation_bytes", phase.work.activation_bytes},
                      {"macs", phase.work.macs}});
  }
  return {{"seconds", profile.seconds},
          {"phases", std::move(phases)},
          {"waits",
           {{"regions", profile.waits.regions},
            {"seconds", static_cast<double>(profile.waits.nanoseconds) / 1e9},
            {"sleeps", profile.waits.sleeps}}}};
}

}  // namespace

const ReadBandwidth& BenchMachine::best_bandwidth() const {
  return *std::max_element(bandwidth.begin(), bandwidth.end(), [](const auto& a, const auto& b) {
    return a.bytes_per_second < b.bytes_per_second;
  });
}

std::string machine_text(const BenchMachine& machine) {
  std::string text = fmt::format("{} kernels, {} threads, memory reads {:.1f} GB/s", machine.kernels,
                                 machine.n_threads, machine.best_bandwidth().bytes_per_second / 1e9);
  if (machine.macs_per_second > 0)
    text += fmt::format(", int8 dot products {:.0f} GMAC/s", machine.macs_per_second / 1e9);
  text += fmt::format("\n\n{:<10}{:<8}{:>8}  {}\n", "threads", "pages", "GB/s", "read fastest as");
  for (const ReadBandwidth& rate : machine.bandwidth) {
    text += fmt::format("{:<10}{:<8}{:>8.1f}  {}\n", rate.n_threads, name_of(rate.pages),
                        rate.bytes_per_second / 1e9, rate.loop->name);
  }
  return text;
}

std::string results_text(std::span<const BenchResult> results) {
  std::string text = fmt::format("{:<10}{:>8}{:>7}{:>12}{:>16}{:>8}\n", "test", "depth", "batch", "tokens/s",
                                 "limit", "share");
  for (const BenchResult& result : results) {
    text += fmt::format("{:<10}{:>8}{:>7}{:>12.2f}", result.test.name(), result.test.depth, result.test.batch,
                        result.median_tokens_per_second());
    if (const auto share = result.share_of_limit()) {
      const double limit = result.median_limit_per_second() / 1e9;
      const std::string unit =
          is_prompt(result) ? fmt::format("{:.0f} GMAC/s", limit) : fmt::format("{:.1f} GB/s", limit);
      text += fmt::format("{:>16}{:>6.1f} %", unit, 100 * *share);
    }
    text += '\n';
  }
  return text;
}

std::string profile_text(const BenchResult& result) {
  if (!result.profile) return "";
  const BenchProfile& profile = *result.profile;
  std::vector<tensor::Phase> phases = profile.phases;
  std::sort(phases.begin(), phases.end(),
            [](const tensor::Phase& a, const tensor::Phase& b) { return a.seconds > b.seconds; });
  double inside = 0;
  for (const tensor::Phase& phase : phases) inside += phase.seconds;
  phases.push_back({.name = "between operations", .seconds = profile.seconds - inside, .work = {}});

  std::string text = fmt::format("{} at depth {}, batch {}: {:.1f} ms\n", result.test.name(),
                                 result.test.depth, result.test.batch, 1e3 * profile.seconds);
  text += fmt::format("{:<20}{:>8}{:>11}{:>8}{:>11}{:>8}{:>11}{:>9}\n", "phase", "calls", "ms", "share", "MB",
                      "GB/s", "MMAC", "GMAC/s");
  for (const tensor::Phase& phase : phases) {
    const double bytes = all_bytes(phase.work);
    text += fmt::format("{:<20}{:>8}{:>11.2f}{:>6.1f} %{}{}{}{}\n", phase.name,
                        phase.calls > 0 ? fmt::format("{}", phase.calls) : "", 1e3 * phase.seconds,
                        100 * phase.seconds / profile.seconds, cell(bytes / 1e6, 11, 1),
                        cell(bytes / phase.seconds / 1e9, 8, 1), cell(phase.work.macs / 1e6, 11, 1),
                        cell(phase.work.macs / phase.seconds / 1e9, 9, 1));
  }
  const double waited = static_cast<double>(profile.waits.nanoseconds) / 1e9;
  text +=
      fmt::format("waits at the end of {} regions: {:.2f} ms, {:.1f} %; {} sleeps\n", profile.waits.regions,
                  1e3 * waited, 100 * waited / profile.seconds, profile.waits.sleeps);
  return text;
}

api::Json bench_json(const BenchMachine& machine, std::span<const BenchResult> results) {
  api::Json bandwidth = api::Json::array();
  for (const ReadBandwidth& rate : machine.bandwidth) {
    bandwidth.push_back({{"threads", rate.n_threads},
                         {"pages", name_of(rate.pages)},
                         {"bytes_per_second", rate.bytes_per_second},
                         {"read_as", rate.loop->name}});
  }
  api::Json json = {{"machine",
                     {{"kernels", machine.kernels},
                      {"threads", machine.n_threads},
                      {"read_bytes_per_second", machine.best_bandwidth().bytes_per_second},
                      {"read_bandwidth", std::move(bandwidth)},
                      {"macs_per_second", machine.macs_per_second > 0 ? api::Json(machine.macs_per_second)
                                                                      : api::Json(nullptr)}}},
                    {"results", api::Json::array()}};
  for (const BenchResult& result : results) {
    const auto share = result.share_of_limit();
    api::Json entry = {{"test", result.test.name()},
                       {"depth", result.test.depth},
                       {"batch", result.test.batch},
                       {"tokens_per_second", result.median_tokens_per_second()},
                       {"repetitions", result.tokens_per_second},
                       {"share_of_limit", share ? api::Json(*share) : api::Json(nullptr)},
                       {"limit", is_prompt(result) ? "macs" : "read_bandwidth"},
                       {"limit_per_second", result.limit_per_second},
                       {"bytes_per_token", result.per_token.bytes},
                       {"macs_per_token", result.per_token.macs}};
    if (result.profile) entry["profile"] = profile_json(*result.profile);
    json["results"].push_back(std::move(entry));
  }
  return json;
}

}  // namespace hearth::app
