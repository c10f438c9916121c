// eval: perplexity of a text, or the logits of a list of tokens.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <memory>

#include "api/json.h"
#include "app/atomic_file.h"
#include "app/commands/commands.h"
#include "app/evaluation_model.h"
#include "app/model_argument.h"
#include "app/progress_bar.h"

namespace hearth::app {
namespace {

struct EvalOptions {
  std::string model, text_file, tokens_file, logits_out;
  int64_t chunk = 64;
  bool json = false;
  SettingFlags settings;
};

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string content((std::istreambuf_iterator<char>(file)), {});
  if (!file && content.empty()) return fail(ErrorCategory::kNotFound, "{}: cannot be read", path);
  return content;
}

Result<std::vector<int32_t>> read_tokens(const EvalOptions& options, const EvaluationModel& model) {
  std::vector<int32_t> tokens;
  if (!options.text_file.empty()) {
    HEARTH_TRY(const std::string text, read_file(options.text_file));
    HEARTH_TRY(const std::unique_ptr<text::Tokenizer> tokenizer, open_tokenizer(model.file()));
    tokens = tokenizer->encode(text, {.add_special = true});
  } else {
    HEARTH_TRY(const std::string text, read_file(options.tokens_file));
    std::string_view rest = text;
    constexpr std::string_view kBetween = " \t\r\n,;[]";
    for (size_t at; (at = rest.find_first_not_of(kBetween)) != std::string_view::npos;) {
      rest.remove_prefix(at);
      int32_t id = -1;
      const auto [end, problem] = std::from_chars(rest.data(), rest.data() + rest.size(), id);
      if (problem != std::errc()) {
        return fail(ErrorCategory::kInvalidArgument, "{}: \"{}\" is not a token id", options.tokens_file,
                    rest.substr(0, 20));
      }
      rest.remove_prefix(static_cast<size_t>(end - rest.data()));
      tokens.push_back(id);
    }
  }
  if (tokens.size() < 2) return fail(ErrorCategory::kInvalidArgument, "at least two tokens are needed");
  return tokens;
}

// Adds up how surprised the model was by each token that came.
class Perplexity {
 public:
  void add(const float* logits, int64_t vocab_size, int32_t next) {
    const float max = *std::max_element(logits, logits + vocab_size);
    double sum = 0;
    for (int64_t i = 0; i < vocab_size; ++i) sum += std::exp(static_cast<double>(logits[i] - max));
    const double nats = std::log(sum) + static_cast<double>(max) - static_cast<double>(logits[next]);
    total_ += nats;
    squares_ += nats * nats;
    ++n_;
  }
  int64_t count() const { return n_; }
  double value() const { return std::exp(total_ / static_cast<double>(n_)); }
  // One standard error of the mean, carried through the exponential.
  double error() const {
    const double mean = total_ / static_cast<double>(n_);
    const double variance = std::max(squares_ / static_cast<double>(n_) - mean * mean, 0.0);
    return value() * std::sqrt(variance / static_cast<double>(n_));
  }

 private:
  double total_ = 0, squares_ = 0;
  int64_t n_ = 0;
};

Status run_eval(const EvalOptions& options, Environment& environment) {
  if (options.text_file.empty() == options.tokens_file.empty()) {
    return fail(ErrorCategory::kInvalidArgument, "give either --text FILE or --tokens FILE");
  }
  HEARTH_TRY(const Settings settings, load_settings(environment.variables, options.settings));
  HEARTH_TRY(const std::unique_ptr<EvaluationModel> model, EvaluationModel::open(options.model, settings));
  const model::ModelConfig& config = model->model().config();
  if (config.is_encoder) {
    return fail(ErrorCategory::kUnsupported, "a {} model gives embeddings, not logits", config.architecture);
  }
  HEARTH_TRY(const std::vector<int32_t> tokens, read_tokens(options, *model));
  // A text longer than the context is evaluated in windows; the logits of a token list are those of one.
  const int64_t context = std::min(config.context_length, settings.context > 0 ? settings.context : 2048);
  const auto n_tokens = static_cast<int64_t>(tokens.size());
  if (!options.tokens_file.empty() && n_tokens > context) {
    return fail(ErrorCategory::kContextExceeded, "{} tokens do not fit the context of {}; see --context",
                n_tokens, context);
  }
  HEARTH_TRY(engine::Evaluator* const evaluator, model->evaluator({.kv_dtype = settings.kv_type,
                                                                   .context_length = context,
                                                                   .chunk_rows = options.chunk,
                                                                   .max_outputs = options.chunk}));

  std::string logits_out;
  Perplexity perplexity;
  ProgressBar progress("evaluating", environment.err, environment.err_is_terminal);
  for (int64_t at = 0; at < n_tokens;) {
    if (evaluator->n_positions() == context) evaluator->reset();
    const int64_t n = std::min({options.chunk, n_tokens - at, context - evaluator->n_positions()});
    HEARTH_TRY(const tensor::TensorView logits,
               evaluator->append({tokens.data() + at, static_cast<size_t>(n)}, n));
    if (model->file().damaged()) {
      return fail(ErrorCategory::kIo, "{}: the file was changed or cut short while it was in use",
                  options.model);
    }
    for (int64_t i = 0; i < n; ++i) {
      if (!options.logits_out.empty()) {
        logits_out.append(reinterpret_cast<const char*>(logits.row(i)),
                          static_cast<size_t>(config.vocab_size) * sizeof(float));
      }
      if (at + i + 1 < n_tokens) {
        perplexity.add(logits.row(i), config.vocab_size, tokens[static_cast<size_t>(at + i + 1)]);
      }
    }
    at += n;
    progress.update(static_cast<uint64_t>(at), static_cast<uint64_t>(n_tokens));
  }
  if (!options.logits_out.empty()) HEARTH_CHECK_OK(write_file_atomically(options.logits_out, logits_out));
  if (options.json) {
    const api::Json json = {{"tokens", n_tokens},
                            {"predicted", perplexity.count()},
                            {"context", context},
                            {"perplexity", perplexity.value()},
                            {"standard_error", perplexity.error()},
                            {"kernels", model->kernels().name}};
    environment.print(api::dump(json) + "\n");
  } else {
    environment.print(fmt::format("perplexity {:.4f} ± {:.4f} over {} tokens (context {})\n",
                                  perplexity.value(), perplexity.error(), perplexity.count(), context));
  }
  return {};
}

}  // namespace

void add_eval(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<EvalOptions>();
  CLI::App* command = app.add_subcommand("eval", "Measure a model on a text, or write its logits");
  command->add_option("MODEL", options->model, "Path of a GGUF file")->required();
  command->add_option("--text", options->text_file, "A text file: prints the perplexity");
  command->add_option("--tokens", options->tokens_file, "A file of token ids, used exactly as they stand");
  command->add_option("--logits-out", options->logits_out,
                      "Write float32 logits, row i after token i, vocabulary size values each");
  command->add_option("--chunk", options->chunk, "Tokens computed together")->check(CLI::Range(1, 4096));
  command->add_flag("--json", options->json, "Print JSON");
  add_setting_flag(*command, options->settings, "--context", "context", "Tokens of a window (default 2048)");
  add_setting_flag(*command, options->settings, "--threads", "threads", "Compute threads");
  add_setting_flag(*command, options->settings, "--kv-type", "kv_type", "KV cache: f16, q8_0 or f32");
  add_setting_flag(*command, options->settings, "--kernels", "kernels", "Instruction set by name");
  command->callback([&line, options] {
    line.action = [options](Environment& environment) { return run_eval(*options, environment); };
  });
}

}  // namespace hearth::app
