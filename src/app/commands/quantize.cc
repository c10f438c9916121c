// quantize: a model file with other types. convert: a model file from a checkpoint.
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
#include "convert/checkpoint.h"
#include "convert/quantize_model.h"

namespace hearth::app {
namespace {

struct QuantizeOptions {
  std::string input, output, type, importance_file;
  std::string name;  // of the model, for convert
  int threads = 0;
};

Status write_model(Result<convert::ModelSource> source, const convert::QuantMix& mix, uint64_t input_bytes,
                   const QuantizeOptions& options, ShutdownSignals& signals, Environment& environment) {
  if (!source) return propagate(std::move(source).error());
  std::optional<convert::ImportanceMatrix> importance;
  if (!options.importance_file.empty()) {
    HEARTH_TRY(importance, convert::ImportanceMatrix::open(options.importance_file));
  }
  auto plan = convert::QuantizePlan::make(std::move(*source), mix, importance ? &*importance : nullptr);
  if (!plan) return propagate(std::move(plan).error(), options.input);
  for (const std::string& notice : plan->notices()) environment.say(notice);

  std::atomic<bool> cancelled{false};
  signals.watch([&cancelled] { cancelled = true; }, [&cancelled] { cancelled = true; });
  ThreadPool threads(options.threads > 0 ? options.threads : ThreadPool::usable_processors());
  const auto start = std::chrono::steady_clock::now();
  Status written;
  {
    ProgressBar bar("writing", environment.err, environment.err_is_terminal);
    written = plan->write(options.output, threads,
                          {.report = [&bar](uint64_t done, uint64_t total) { bar.update(done, total); },
                           .cancelled = &cancelled});
  }
  signals.stop();
  HEARTH_CHECK_OK(std::move(written));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  environment.print_untrusted(fmt::format("{}: {}, {} of {} ({:.2f} bits a weight) in {}\n", options.output,
                                          mix.name, human_bytes(plan->output_bytes()),
                                          human_bytes(input_bytes), plan->bits_per_weight(),
                                          human_duration(seconds)));
  return {};
}

Status run_quantize(const QuantizeOptions& options, Environment& environment) {
  HEARTH_TRY(const convert::QuantMix mix, convert::find_quant_mix(options.type));
  ShutdownSignals signals;  // before any other thread, which inherit the blocked signals
  HEARTH_TRY(const ModelArgument input, find_model(options.input, environment.variables));
  HEARTH_TRY(const gguf::ModelFile file, open_model_file(input));
  return write_model(convert::ModelSource::of(file), mix, file.size_bytes(), options, signals, environment);
}

Status run_convert(const QuantizeOptions& options, Environment& environment) {
  ShutdownSignals signals;
  HEARTH_TRY(const convert::Checkpoint checkpoint, convert::Checkpoint::open(options.input));
  std::string type = options.type;
  if (type.empty()) {
    HEARTH_TRY(const kernels::DType dtype, convert::weight_type(checkpoint));
    type = kernels::traits_of(dtype).name;
  }
  HEARTH_TRY(const convert::QuantMix mix, convert::find_quant_mix(type));
  const std::filesystem::path folder = std::filesystem::absolute(options.input) / "";
  const std::string name = options.name.empty() ? folder.parent_path().filename().string() : options.name;
  return write_model(convert::read_checkpoint(checkpoint, name), mix, checkpoint.size_bytes(), options,
                     signals, environment);
}

void add_common_options(CLI::App& command, QuantizeOptions& options) {
  command.add_option("--imatrix", options.importance_file,
                     "An importance matrix: which columns of each matrix count most");
  command.add_option("--threads", options.threads, "Threads; all processors by default")
      ->check(CLI::Range(1, ThreadPool::kMaxThreads));
}

std::string type_names() {
  return fmt::format("One of {}", fmt::join(convert::quant_mix_names(), ", "));
}

}  // namespace

void add_quantize(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<QuantizeOptions>();
  CLI::App* command = app.add_subcommand("quantize", "Write a model file with smaller types");
  command->add_option("IN", options->input, "Path of a GGUF file, or of one of its parts")->required();
  command->add_option("OUT", options->output, "The file to write")->required();
  command->add_option("TYPE", options->type, type_names())->required();
  add_common_options(*command, *options);
  command->callback([&line, options] {
    line.action = [options](Environment& environment) { return run_quantize(*options, environment); };
  });
}

void add_convert(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<QuantizeOptions>();
  CLI::App* command = app.add_subcommand("convert", "Make a model file of a checkpoint (safetensors)");
  command->add_option("DIR", options->input, "A folder with config.json, tokenizer.json and *.safetensors")
      ->required();
  command->add_option("OUT", options->output, "The GGUF file to write")->required();
  command->add_option("--type", options->type, type_names() + "; the checkpoint's own by default");
  command->add_option("--name", options->name, "The model's name; the folder's by default");
  add_common_options(*command, *options);
  command->callback([&line, options] {
    line.action = [options](Environment& environment) { return run_convert(*options, environment); };
  });
}

}  // namespace hearth::app
