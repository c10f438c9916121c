// bench: how fast a model reads prompts and writes, by context depth, also as a share of what memory allows.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <memory>

#include "api/json.h"
#include "app/commands/commands.h"
#include "app/evaluation_model.h"
#include "app/machine_limits.h"
#include "app/progress_bar.h"

namespace hearth::app {
namespace {

constexpr int64_t kChunk = 256;  // rows of a prefill step, as the server has them

struct BenchOptions {
  std::string model;
  std::vector<int64_t> prompt = {512}, generate = {128}, depth = {0};
  int repetitions = 3;
  bool json = false;
  SettingFlags settings;
};

struct BenchResult {
  std::string test;
  int64_t depth = 0;
  std::vector<double> tokens_per_second;
  double share_of_limit = 0;  // of the read bandwidth; 0 where that is not the limit

  double median() const {
    std::vector<double> sorted = tokens_per_second;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }
};

// Weight bytes that one decoded token reads: every matrix once, of the experts those that are used, of the
// embedding tables one row.
double weight_bytes_per_token(const model::Model& model) {
  const model::ModelConfig& config = model.config();
  const model::Weights& weights = model.weights();
  auto bytes = static_cast<double>(weights.output.bytes() + weights.per_layer_model_projection.bytes());
  const double used = config.moe.n_experts > 0
                          ? static_cast<double>(config.moe.n_used) / static_cast<double>(config.moe.n_experts)
                          : 0;
  for (const model::LayerWeights& layer : weights.layers) {
    for (const tensor::WeightView& weight :
         {layer.q.weight, layer.k.weight, layer.v.weight, layer.attn_output.weight, layer.gate.weight,
          layer.up.weight, layer.down.weight, layer.moe.router, layer.per_layer_gate,
          layer.per_layer_projection}) {
      if (weight) bytes += static_cast<double>(weight.bytes());
    }
    for (const tensor::WeightView& stack :
         {layer.moe.gate, layer.moe.up, layer.moe.gate_up, layer.moe.down}) {
      if (stack) bytes += static_cast<double>(stack.bytes()) * used;
    }
  }
  return bytes;
}

// Cache bytes that a token at `position` reads.
double cache_bytes_per_token(const model::ModelConfig& config, kernels::DType dtype, int64_t position) {
  double bytes = 0;
  for (const model::LayerConfig& layer : config.layers) {
    const bool sliding = layer.kind == model::AttentionKind::kSliding;
    const int64_t visible = sliding ? std::min(position, config.sliding_window) : position;
    bytes += 2.0 * static_cast<double>(visible * layer.n_kv_heads) *
             static_cast<double>(kernels::row_bytes(dtype, static_cast<size_t>(layer.head_dim)));
  }
  return bytes;
}

class Bench {
 public:
  Bench(EvaluationModel& model, const Settings& settings) : model_(model), settings_(settings) {}

  Result<BenchResult> prefill(int64_t n, int64_t depth, int repetitions) {
    BenchResult result{.test = fmt::format("pp{}", n), .depth = depth, .tokens_per_second = {}};
    for (int i = 0; i <= repetitions; ++i) {  // the first one warms up
      HEARTH_CHECK_OK(start(depth, depth + n));
      HEARTH_TRY(const double seconds, timed([&] { return read(n); }));
      if (i > 0) result.tokens_per_second.push_back(static_cast<double>(n) / seconds);
    }
    return result;
  }

  Result<BenchResult> decode(int64_t n, int64_t depth, int repetitions) {
    BenchResult result{.test = fmt::format("tg{}", n), .depth = depth, .tokens_per_second = {}};
    double bandwidth = 0;
    for (int i = 0; i < repetitions; ++i) {
      HEARTH_CHECK_OK(start(depth, depth + n + 1));
      HEARTH_CHECK_OK(read(1));
      const double before = measure_read_bandwidth(model_.threads());
      HEARTH_TRY(const double seconds, timed([&]() -> Status {
                   for (int64_t k = 0; k < n; ++k) HEARTH_CHECK_OK(read(1));
                   return {};
                 }));
      bandwidth = std::max({bandwidth, before, measure_read_bandwidth(model_.threads())});
      result.tokens_per_second.push_back(static_cast<double>(n) / seconds);
    }
    const double bytes = weight_bytes_per_token(model_.model()) +
                         cache_bytes_per_token(model_.model().config(), settings_.kv_type, depth + n / 2);
    bandwidth_ = std::max(bandwidth_, bandwidth);
    if (bandwidth > 0) result.share_of_limit = result.median() * bytes / bandwidth;
    return result;
  }

  double bandwidth() const { return bandwidth_; }

 private:
  Status start(int64_t depth, int64_t context) {
    HEARTH_TRY(evaluator_, model_.evaluator({.kv_dtype = settings_.kv_type,
                                             .context_length = context,
                                             .chunk_rows = kChunk,
                                             .max_outputs = 1}));
    return read(depth);
  }

  // Appends n tokens, in steps; logits of the last one only.
  Status read(int64_t n) {
    const int64_t vocab_size = model_.model().config().vocab_size;
    while (n > 0) {
      const int64_t step = std::min(n, kChunk);
      std::vector<int32_t> tokens;
      for (int64_t i = 0; i < step; ++i) {
        next_ = next_ * 6364136223846793005u + 1442695040888963407u;
        tokens.push_back(static_cast<int32_t>((next_ >> 33) % static_cast<uint64_t>(vocab_size)));
      }
      n -= step;
      HEARTH_CHECK_OK(evaluator_->append(tokens, n == 0 ? 1 : 0));
    }
    if (model_.file().damaged()) {
      return fail(ErrorCategory::kIo, "the model's file was changed or cut short while it was in use");
    }
    return {};
  }

  template <typename Work>
  static Result<double> timed(Work work) {
    const auto begin = std::chrono::steady_clock::now();
    HEARTH_CHECK_OK(work());
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }

  EvaluationModel& model_;
  const Settings& settings_;
  engine::Evaluator* evaluator_ = nullptr;
  uint64_t next_ = 1;
  double bandwidth_ = 0;
};

Status run_bench(const BenchOptions& options, Environment& environment) {
  HEARTH_TRY(const Settings settings, load_settings(environment.variables, options.settings));
  HEARTH_TRY(const std::unique_ptr<EvaluationModel> model, EvaluationModel::open(options.model, settings));
  const model::ModelConfig& config = model->model().config();
  if (config.is_encoder) {
    return fail(ErrorCategory::kUnsupported, "bench measures text generation; {} gives embeddings",
                config.architecture);
  }
  const int64_t longest = std::max(*std::max_element(options.prompt.begin(), options.prompt.end()),
                                   *std::max_element(options.generate.begin(), options.generate.end()) + 1) +
                          *std::max_element(options.depth.begin(), options.depth.end());
  if (longest > config.context_length) {
    return fail(ErrorCategory::kContextExceeded, "{} tokens were asked for, the model was made for {}",
                longest, config.context_length);
  }

  Bench bench(*model, settings);
  std::vector<BenchResult> results;
  const size_t n_tests = options.depth.size() * (options.prompt.size() + options.generate.size());
  ProgressBar progress("measuring", environment.err, environment.err_is_terminal);
  for (const int64_t depth : options.depth) {
    for (const int64_t n : options.prompt) {
      if (n == 0) continue;
      HEARTH_TRY(BenchResult result, bench.prefill(n, depth, options.repetitions));
      results.push_back(std::move(result));
      progress.update(results.size(), n_tests);
    }
    for (const int64_t n : options.generate) {
      if (n == 0) continue;
      HEARTH_TRY(BenchResult result, bench.decode(n, depth, options.repetitions));
      results.push_back(std::move(result));
      progress.update(results.size(), n_tests);
    }
  }

  if (options.json) {
    api::Json json = {{"machine",
                       {{"kernels", model->kernels().name},
                        {"threads", model->threads().n_threads()},
                        {"read_bytes_per_second", bench.bandwidth()}}},
                      {"results", api::Json::array()}};
    for (const BenchResult& result : results) {
      json["results"].push_back(
          {{"test", result.test},
           {"depth", result.depth},
           {"batch", 1},
           {"tokens_per_second", result.median()},
           {"repetitions", result.tokens_per_second},
           {"share_of_limit",
            result.share_of_limit > 0 ? api::Json(result.share_of_limit) : api::Json(nullptr)}});
    }
    environment.print(api::dump(json) + "\n");
    return {};
  }
  environment.print(
      fmt::format("{} kernels, {} threads", model->kernels().name, model->threads().n_threads()));
  if (bench.bandwidth() > 0)
    environment.print(fmt::format(", memory reads {:.1f} GB/s", bench.bandwidth() / 1e9));
  environment.print(
      fmt::format("\n{:<10}{:>8}{:>14}{:>22}\n", "test", "depth", "tokens/s", "share of bandwidth"));
  for (const BenchResult& result : results) {
    const std::string share =
        result.share_of_limit > 0 ? fmt::format("{:.0f} %", 100 * result.share_of_limit) : "";
    environment.print(
        fmt::format("{:<10}{:>8}{:>14.2f}{:>22}\n", result.test, result.depth, result.median(), share));
  }
  return {};
}

}  // namespace

void add_bench(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App* command =
      app.add_subcommand("bench", "Measure how fast a model reads and writes on this machine");
  command->add_option("MODEL", options->model, "Path of a GGUF file")->required();
  const CLI::Range length(0, 1 << 20);
  command->add_option("-p,--prompt", options->prompt, "Prompt lengths; 0 = none")
      ->delimiter(',')
      ->check(length);
  command->add_option("-n,--generate", options->generate, "Tokens to write; 0 = none")
      ->delimiter(',')
      ->check(length);
  command->add_option("-d,--depth", options->depth, "Tokens in the context before")
      ->delimiter(',')
      ->check(length);
  command->add_option("-r,--repetitions", options->repetitions, "Runs of each test; the median is shown")
      ->check(CLI::Range(1, 100));
  command->add_flag("--json", options->json, "Print JSON");
  add_setting_flag(*command, options->settings, "-t,--threads", "threads", "Compute threads");
  add_setting_flag(*command, options->settings, "--kv-type", "kv_type", "KV cache: f16, q8_0 or f32");
  add_setting_flag(*command, options->settings, "--kernels", "kernels", "Instruction set by name");
  command->callback([&line, options] {
    line.action = [options](Environment& environment) { return run_bench(*options, environment); };
  });
}

}  // namespace hearth::app
