// eval: perplexity of a text, or the logits of a list of tokens.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <fstream>
#include <memory>

#include "api/json.h"
#include "app/commands/commands.h"
#include "app/evaluation_model.h"
#include "app/logit_measures.h"
#include "app/model_argument.h"
#include "app/progress_bar.h"
#include "base/atomic_file.h"

namespace hearth::app {
namespace {

struct EvalOptions {
  std::string model, text_file, tokens_file, logits_out, against;
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

// What a run measures. The logits of `reference` are there if another model is compared with.
struct Measures {
  Perplexity perplexity, reference;
  Divergence divergence;
};

std::span<const float> row_of(const tensor::TensorView& logits, int64_t row,
                              const model::ModelConfig& config) {
  return {logits.row(row), static_cast<size_t>(config.vocab_size)};
}

api::Json to_json(const Measures& measures, bool compared) {
  api::Json json = {{"perplexity", measures.perplexity.value()},
                    {"standard_error", measures.perplexity.error()}};
  if (!compared) return json;
  const Divergence& kl = measures.divergence;
  json["against"] = {{"perplexity", measures.reference.value()},
                     {"standard_error", measures.reference.error()},
                     {"kl_mean", kl.mean()},
                     {"kl_standard_error", kl.error()},
                     {"kl_median", kl.quantile(0.5)},
                     {"kl_99", kl.quantile(0.99)},
                     {"kl_max", kl.quantile(1)},
                     {"same_top", kl.same_top()}};
  return json;
}

std::string to_text(const Measures& measures, bool compared, int64_t context) {
  std::string text =
      fmt::format("perplexity {:.4f} ± {:.4f} over {} tokens (context {})\n", measures.perplexity.value(),
                  measures.perplexity.error(), measures.perplexity.count(), context);
  if (!compared) return text;
  const Divergence& kl = measures.divergence;
  text += fmt::format("source     {:.4f} ± {:.4f}\n", measures.reference.value(), measures.reference.error());
  text += fmt::format("KL from the source: mean {:.6f} ± {:.6f}, median {:.6f}, 99 % {:.6f}, max {:.6f}\n",
                      kl.mean(), kl.error(), kl.quantile(0.5), kl.quantile(0.99), kl.quantile(1));
  text += fmt::format("same likeliest token: {:.2f} %\n", 100 * kl.same_top());
  return text;
}

Status check_comparable(const EvaluationModel& model, const EvaluationModel& source,
                        const EvalOptions& options) {
  const int64_t n = model.model().config().vocab_size, n_source = source.model().config().vocab_size;
  if (source.model().config().is_encoder || n != n_source) {
    return fail(ErrorCategory::kInvalidArgument, "{}: {} logits cannot be compared with the {} of {}",
                options.against, n_source, n, options.model);
  }
  HEARTH_TRY(const auto tokens, model.file().metadata().get_string_array("tokenizer.ggml.tokens"));
  HEARTH_TRY(const auto source_tokens, source.file().metadata().get_string_array("tokenizer.ggml.tokens"));
  if (tokens && source_tokens && !std::ranges::equal(*tokens, *source_tokens)) {
    return fail(ErrorCategory::kInvalidArgument, "{} and {} have different vocabularies", options.against,
                options.model);
  }
  return {};
}

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
  const engine::EvaluatorOptions shape = {.kv_dtype = settings.kv_type,
                                          .context_length = context,
                                          .chunk_rows = options.chunk,
                                          .max_outputs = options.chunk};
  HEARTH_TRY(engine::Evaluator* const evaluator, model->evaluator(shape));
  std::unique_ptr<EvaluationModel> source;
  engine::Evaluator* source_evaluator = nullptr;
  const bool compared = !options.against.empty();
  if (compared) {
    HEARTH_TRY(source, EvaluationModel::open(options.against, settings));
    HEARTH_CHECK_OK(check_comparable(*model, *source, options));
    HEARTH_TRY(source_evaluator, source->evaluator(shape));
  }

  std::string logits_out;
  Measures measures;
  ProgressBar progress("evaluating", environment.err, environment.err_is_terminal);
  for (int64_t at = 0; at < n_tokens;) {
    if (evaluator->n_positions() == context) {
      evaluator->reset();
      if (compared) source_evaluator->reset();
    }
    const int64_t n = std::min({options.chunk, n_tokens - at, context - evaluator->n_positions()});
    const std::span<const int32_t> chunk(tokens.data() + at, static_cast<size_t>(n));
    HEARTH_TRY(const tensor::TensorView logits, evaluator->append(chunk, n));
    tensor::TensorView source_logits;
    if (compared) {
      HEARTH_TRY(source_logits, source_evaluator->append(chunk, n));
    }
    if (model->file().damaged() || (compared && source->file().damaged())) {
      return fail(ErrorCategory::kIo, "{}: the file was changed or cut short while it was in use",
                  model->file().damaged() ? options.model : options.against);
    }
    for (int64_t i = 0; i < n; ++i) {
      if (!options.logits_out.empty()) {
        logits_out.append(reinterpret_cast<const char*>(logits.row(i)),
                          static_cast<size_t>(config.vocab_size) * sizeof(float));
      }
      const auto row = row_of(logits, i, config);
      if (compared) measures.divergence.add(row_of(source_logits, i, config), row);
      if (at + i + 1 == n_tokens) break;
      const int32_t next = tokens[static_cast<size_t>(at + i + 1)];
      measures.perplexity.add(row, next);
      if (compared) measures.reference.add(row_of(source_logits, i, config), next);
    }
    at += n;
    progress.update(static_cast<uint64_t>(at), static_cast<uint64_t>(n_tokens));
  }
  if (!options.logits_out.empty()) HEARTH_CHECK_OK(write_file_atomically(options.logits_out, logits_out));
  if (options.json) {
    api::Json json = to_json(measures, compared);
    json["tokens"] = n_tokens;
    json["predicted"] = measures.perplexity.count();
    json["context"] = context;
    json["kernels"] = model->kernels().name;
    environment.print(api::dump(json) + "\n");
  } else {
    environment.print(to_text(measures, compared, context));
  }
  return {};
}

}  // namespace

void add_eval(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<EvalOptions>();
  CLI::App* command = app.add_subcommand("eval", "Measure a model on a text, or write its logits");
  command->add_option("MODEL", options->model, "A model of the store, or the path of a GGUF file")
      ->required();
  command->add_option("--text", options->text_file, "A text file: prints the perplexity");
  command->add_option("--tokens", options->tokens_file, "A file of token ids, used exactly as they stand");
  command->add_option("--logits-out", options->logits_out,
                      "Write float32 logits, row i after token i, vocabulary size values each");
  command->add_option("--against", options->against,
                      "Compare with the model this one was made from: KL divergence, perplexity of both");
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
