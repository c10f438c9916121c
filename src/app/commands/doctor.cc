// doctor: what Hearth has to work with here, what is wrong, and what to do about it.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <memory>

#include "api/json.h"
#include "app/commands/commands.h"
#include "app/doctor/examination.h"
#include "app/progress_bar.h"
#include "app/shutdown_signals.h"
#include "app/terminal_text.h"

namespace hearth::app {
namespace {

struct DoctorCommand {
  bool json = false;
  bool verify = false;
  SettingFlags settings;
};

const char* name_of(Finding::State state) {
  switch (state) {
    case Finding::State::kGood:
      return "good";
    case Finding::State::kNote:
      return "note";
    case Finding::State::kBroken:
      return "broken";
  }
  return "";
}

// With a progress bar; a signal ends it.
std::vector<Finding> verify(const Settings& settings, Environment& environment) {
  std::atomic<bool> stopped{false};
  ShutdownSignals signals;
  signals.watch([&stopped] { stopped = true; }, [&stopped] { stopped = true; });
  ProgressBar bar("reading the store", environment.err, environment.err_is_terminal);
  auto findings = examine_contents(settings, [&](uint64_t done, uint64_t total) {
    bar.update(done, total);
    return !stopped;
  });
  signals.stop();
  return findings;
}

Status run_doctor(const DoctorCommand& command, Environment& environment) {
  const Result<Settings> settings = load_settings(environment.variables, command.settings);
  std::vector<Finding> findings;
  if (command.verify && settings) findings = verify(*settings, environment);  // before any other thread
  for (Finding& finding : examine(settings)) findings.push_back(std::move(finding));
  if (command.json) {
    api::Json json = api::Json::object();
    json["findings"] = api::Json::array();
    for (const Finding& finding : findings) {
      api::Json entry{
          {"subject", finding.subject}, {"state", name_of(finding.state)}, {"text", finding.text}};
      if (!finding.remedy.empty()) entry["remedy"] = finding.remedy;
      json["findings"].push_back(std::move(entry));
    }
    environment.print(api::dump(json) + "\n");
  } else {
    for (const Finding& finding : findings) {
      environment.print(fmt::format("{:<8}{:<18}{}\n", name_of(finding.state), finding.subject,
                                    visible_line(finding.text)));
      if (!finding.remedy.empty())
        environment.print(fmt::format("{:<26}{}\n", "", visible_line(finding.remedy)));
    }
  }
  const auto n_broken = std::count_if(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.state == Finding::State::kBroken;
  });
  if (n_broken == 0) return {};
  return fail(ErrorCategory::kInvalidArgument, "{} of {} checks found something broken", n_broken,
              findings.size());
}

}  // namespace

void add_doctor(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<DoctorCommand>();
  CLI::App* command = app.add_subcommand("doctor", "Check this machine and the settings, and say what to do");
  command->add_flag("--verify", options->verify,
                    "Read all of the store too, and compare it with its digests");
  command->add_flag("--json", options->json, "Print JSON");
  add_setting_flag(*command, options->settings, "--host", "host", "Address to check (default 127.0.0.1)");
  add_setting_flag(*command, options->settings, "--port", "port", "Port to check (default 11434)");
  command->callback([&line, options] {
    line.action = [options](Environment& environment) { return run_doctor(*options, environment); };
  });
}

}  // namespace hearth::app
