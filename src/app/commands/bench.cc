// bench: how fast a model reads prompts and writes, by context depth and number of sequences, and as a share
// of what this machine can do.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "app/bench/bench_report.h"
#include "app/commands/commands.h"

namespace hearth::app {
namespace {

struct BenchCommand {
  std::string model;
  std::vector<int64_t> prompt = {512}, generate = {128}, depth = {0}, batch = {1};
  int repetitions = 3;
  bool profile = false;
  bool json = false;
  SettingFlags settings;
};

// One line on a terminal that says what is measured; gone at the end.
class BenchProgress {
 public:
  explicit BenchProgress(const Environment& environment) : environment_(environment) {}
  ~BenchProgress() { show(""); }

  void show(const std::string& what) {
    if (!environment_.err_is_terminal) return;
    const std::string line = "\r\x1b[K" + what;
    std::fwrite(line.data(), 1, line.size(), environment_.err);
    std::fflush(environment_.err);
  }

 private:
  const Environment& environment_;
};

int64_t longest(const std::vector<int64_t>& lengths) {
  return *std::max_element(lengths.begin(), lengths.end());
}

Status check(const BenchCommand& command, const model::ModelConfig& config) {
  if (config.is_encoder) {
    return fail(ErrorCategory::kUnsupported, "bench measures text generation; {} gives embeddings",
                config.architecture);
  }
  const int64_t most = std::max(longest(command.prompt), longest(command.generate));
  if (most == 0) {
    return fail(ErrorCategory::kInvalidArgument,
                "there is nothing to measure: --prompt and --generate are 0");
  }
  if (most + longest(command.depth) > config.context_length) {
    return fail(ErrorCategory::kContextExceeded, "{} tokens were asked for, the model was made for {}",
                most + longest(command.depth), config.context_length);
  }
  return {};
}

Result<std::vector<BenchResult>> run_tests(ModelBench& bench, const BenchCommand& command,
                                           BenchProgress& progress) {
  std::vector<BenchResult> results;
  const int64_t most = std::max(longest(command.prompt), longest(command.generate));
  for (const int64_t depth : command.depth) {
    for (const int64_t batch : command.batch) {
      HEARTH_CHECK_OK(bench.prepare(batch, depth + most));
      std::vector<BenchTest> tests;
      for (const int64_t n : command.prompt) tests.push_back({BenchTest::Kind::kPrompt, n, depth, batch});
      for (const int64_t n : command.generate) tests.push_back({BenchTest::Kind::kGenerate, n, depth, batch});
      for (const BenchTest& test : tests) {
        if (test.n_tokens == 0) continue;
        progress.show(fmt::format("measuring {} at depth {}, batch {}", test.name(), depth, batch));
        HEARTH_TRY(BenchResult result, bench.run(test));
        results.push_back(std::move(result));
      }
    }
  }
  return results;
}

Status run_bench(const BenchCommand& command, Environment& environment) {
  HEARTH_TRY(const Settings settings, load_settings(environment.variables, command.settings));
  HEARTH_TRY(const std::unique_ptr<EvaluationModel> model, EvaluationModel::open(command.model, settings));
  HEARTH_CHECK_OK(check(command, model->model().config()));

  std::vector<BenchResult> results;
  BenchMachine machine{.kernels = std::string(model->kernels().name),
                       .n_threads = model->threads().n_threads(),
                       .bandwidth = {}};
  {
    BenchProgress progress(environment);
    progress.show("measuring this machine");
    HEARTH_TRY(machine.bandwidth, survey_read_bandwidth(model->threads()));
    machine.macs_per_second = measure_dot_peak(model->threads(), model->kernels().name);
    progress.show("reading the model in");
    // All threads of the pool, so that the limit is one of this command's threads.
    ReadBandwidth limit;
    for (const ReadBandwidth& rate : machine.bandwidth) {
      if (rate.n_threads == machine.n_threads && rate.bytes_per_second > limit.bytes_per_second) limit = rate;
    }
    HEARTH_TRY(ModelBench bench, ModelBench::create(*model, limit,
                                                    {.kv_dtype = settings.kv_type,
                                                     .repetitions = command.repetitions,
                                                     .profile = command.profile}));
    HEARTH_TRY(results, run_tests(bench, command, progress));
  }

  if (command.json) {
    environment.print(api::dump(bench_json(machine, results)) + "\n");
    return {};
  }
  environment.print(machine_text(machine) + "\n" + results_text(results));
  for (const BenchResult& result : results) {
    if (result.profile) environment.print("\n" + profile_text(result));
  }
  return {};
}

}  // namespace

void add_bench(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<BenchCommand>();
  CLI::App* command =
      app.add_subcommand("bench", "Measure how fast a model reads and writes on this machine");
  command->add_option("MODEL", options->model, "A model of the store, or the path of a GGUF file")
      ->required();
  const auto add_list = [&](const char* flag, std::vector<int64_t>& list, const CLI::Range& range,
                            const char* description) {
    command->add_option(flag, list, description)->delimiter(',')->allow_extra_args(false)->check(range);
  };
  const CLI::Range length(0, 1 << 20);
  add_list("-p,--prompt", options->prompt, length, "Prompt lengths; 0 = none");
  add_list("-n,--generate", options->generate, length, "Tokens to write; 0 = none");
  add_list("-d,--depth", options->depth, length,
           "Tokens in the context before; made up, not read, as the time depends on their number only");
  add_list("-b,--batch", options->batch, CLI::Range(1, 256), "Sequences at a time");
  command->add_option("-r,--repetitions", options->repetitions, "Runs of each test; the median is shown")
      ->check(CLI::Range(1, 100));
  command->add_flag("--profile", options->profile, "One more run of each test, by operation");
  command->add_flag("--json", options->json, "Print JSON");
  add_setting_flag(*command, options->settings, "-t,--threads", "threads", "Compute threads");
  add_setting_flag(*command, options->settings, "--kv-type", "kv_type", "KV cache: f16, q8_0 or f32");
  add_setting_flag(*command, options->settings, "--kernels", "kernels", "Instruction set by name");
  command->callback([&line, options] {
    line.action = [options](Environment& environment) { return run_bench(*options, environment); };
  });
}

}  // namespace hearth::app
