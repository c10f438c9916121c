// pull and push: models from and to registries.
#include <CLI/CLI.hpp>
#include <atomic>
#include <memory>

#include "app/commands/commands.h"
#include "app/model_argument.h"
#include "app/progress_bar.h"
#include "app/shutdown_signals.h"
#include "app/terminal_text.h"
#include "app/transfer_options.h"
#include "registry/push.h"

namespace hearth::app {
namespace {

using Transfer = Status (*)(store::ModelStore&, std::string_view, const registry::TransferOptions&);

Status push(store::ModelStore& models, std::string_view name, const registry::TransferOptions& options) {
  return registry::push_model(models, name, options);
}

Status run_transfer(Transfer transfer, const std::string& verb, const std::string& name,
                    Environment& environment) {
  HEARTH_TRY(const Settings settings, load_settings(environment.variables));
  ShutdownSignals signals;  // before any other thread, which inherit the blocked signals
  std::atomic<bool> cancelled{false};
  signals.watch([&cancelled] { cancelled = true; }, [&cancelled] { cancelled = true; });
  registry::TransferOptions options = transfer_options(settings, environment.variables);
  options.cancelled = &cancelled;

  Status done;
  {
    ProgressBar bar(verb, environment.err, environment.err_is_terminal);
    std::string status;
    options.report = [&](const registry::TransferProgress& progress) {
      if (environment.err_is_terminal) {
        if (progress.all_total_bytes > 0)
          bar.update(progress.all_done_bytes, progress.all_total_bytes, progress.all_kept_bytes);
      } else if (progress.status != status) {
        status = progress.status;
        environment.say(visible_line(status));
      }
    };
    done = transfer(*open_store(settings), name, options);
  }
  signals.stop();
  if (!done && done.error().category == ErrorCategory::kCancelled) {
    return fail(ErrorCategory::kCancelled, "stopped; what has come is kept, hearth {} {} goes on from there",
                verb, visible_line(name));
  }
  return done;
}

}  // namespace

void add_pull(CLI::App& app, CommandLine& line) {
  auto name = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("pull", "Fetch a model from a registry or from Hugging Face");
  command->footer(
      "Names: llama3.1:8b, USER/MODEL:TAG or HOST/USER/MODEL:TAG of registries, hf.co/USER/REPOSITORY:Q4_K_M "
      "of "
      "Hugging Face. A pull that was stopped goes on where it was.");
  command->add_option("NAME", *name, "The model's name")->required();
  command->callback([&line, name] {
    line.action = [name](Environment& environment) -> Status {
      HEARTH_CHECK_OK(run_transfer(registry::pull_model, "pull", *name, environment));
      environment.print(fmt::format("{0} is here: hearth run {0}\n", visible_line(*name)));
      return Status();
    };
  });
}

void add_push(CLI::App& app, CommandLine& line) {
  auto name = std::make_shared<std::string>();
  CLI::App* command =
      app.add_subcommand("push", "Send a model of the store to the registry that its name says");
  command->add_option("NAME", *name, "The model's name, with its registry: HOST/USER/MODEL:TAG")->required();
  command->callback([&line, name] {
    line.action = [name](Environment& environment) -> Status {
      HEARTH_CHECK_OK(run_transfer(push, "push", *name, environment));
      environment.print(fmt::format("{} is there\n", visible_line(*name)));
      return Status();
    };
  });
}

}  // namespace hearth::app
