// quantize: a model file with other types.
#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>

#include "app/commands/commands.h"
#include "app/model_argument.h"
#include "app/progress_bar.h"
#include "app/shutdown_signals.h"
#include "app/terminal_text.h"
#include "convert/quantize_model.h"

namespace hearth::app {
namespace {

struct QuantizeOptions {
  std::string input, output, type, importance_file;
  int threads = 0;
};

Status run_quantize(const QuantizeOptions& options, Environment& environment) {
  HEARTH_TRY(const convert::QuantMix mix, convert::find_quant_mix(options.type));
  ShutdownSignals signals;  // before any other thread, which inherit the blocked signals
  HEARTH_TRY(const gguf::ModelFile file, open_model_file(options.input));
  std::optional<convert::ImportanceMatrix> importance;
  if (!options.importance_file.empty()) {
    HEARTH_TRY(importance, convert::ImportanceMatrix::open(options.importance_file));
  }
  auto plan = convert::QuantizePlan::make(file, mix, importance ? &*importance : nullptr);
  if (!plan) return propagate(std::move(plan).error(), options.input);
  for (const std::string& notice : plan->notices()) environment.say(notice);

  std::atomic<bool> cancelled{false};
  signals.watch([&cancelled] { cancelled = true; }, [&cancelled] { cancelled = true; });
  ThreadPool threads(options.threads > 0 ? options.threads : ThreadPool::usable_processors());
  const auto start = std::chrono::steady_clock::now();
  Status written;
  {
    ProgressBar bar("quantising", environment.err, environment.err_is_terminal);
    written = plan->write(options.output, threads,
                          {.report = [&bar](uint64_t done, uint64_t total) { bar.update(done, total); },
                           .cancelled = &cancelled});
  }
  signals.stop();
  HEARTH_CHECK_OK(std::move(written));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  environment.print_untrusted(fmt::format("{}: {}, {} of {} ({:.2f} bits a weight) in {}\n", options.output,
                                          mix.name, human_bytes(plan->output_bytes()),
                                          human_bytes(file.size_bytes()), plan->bits_per_weight(),
                                          human_duration(seconds)));
  return {};
}

}  // namespace

void add_quantize(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<QuantizeOptions>();
  CLI::App* command = app.add_subcommand("quantize", "Write a model file with smaller types");
  command->add_option("IN", options->input, "Path of a GGUF file, or of one of its parts")->required();
  command->add_option("OUT", options->output, "The file to write")->required();
  command
      ->add_option("TYPE", options->type,
                   fmt::format("One of {}", fmt::join(convert::quant_mix_names(), ", ")))
      ->required();
  command->add_option("--imatrix", options->importance_file,
                      "An importance matrix: which columns of each matrix count most");
  command->add_option("--threads", options->threads, "Threads; all processors by default")
      ->check(CLI::Range(1, ThreadPool::kMaxThreads));
  command->callback([&line, options] {
    line.action = [options](Environment& environment) { return run_quantize(*options, environment); };
  });
}

}  // namespace hearth::app
