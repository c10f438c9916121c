// imatrix: what the matrices of a model are multiplied with over a text, for quantize.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>

#include "app/commands/commands.h"
#include "app/evaluation_model.h"
#include "app/imatrix/input_statistics.h"
#include "app/model_argument.h"
#include "app/progress_bar.h"
#include "app/terminal_text.h"

namespace hearth::app {
namespace {

constexpr int64_t kChunk = 64;

struct ImatrixCommand {
  std::string model, text_file, output;
  int64_t window = 512;
  SettingFlags settings;
};

Result<std::vector<int32_t>> read_tokens(const ImatrixCommand& command, const EvaluationModel& model) {
  std::ifstream file(command.text_file, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  if (!file && text.empty()) {
    return fail(ErrorCategory::kNotFound, "{}: cannot be read", command.text_file);
  }
  HEARTH_TRY(const std::unique_ptr<text::Tokenizer> tokenizer, open_tokenizer(model.file()));
  std::vector<int32_t> tokens = tokenizer->encode(text, {.add_special = true});
  if (tokens.size() < static_cast<size_t>(kChunk)) {
    return fail(
        ErrorCategory::kInvalidArgument,
        "{}: {} tokens say too little about a model; some ten thousand of the kind it is for are better",
        command.text_file, tokens.size());
  }
  return tokens;
}

Status run_imatrix(const ImatrixCommand& command, Environment& environment) {
  HEARTH_TRY(const Settings settings, load_settings(environment.variables, command.settings));
  HEARTH_TRY(const std::unique_ptr<EvaluationModel> model, EvaluationModel::open(command.model, settings));
  const model::ModelConfig& config = model->model().config();
  if (config.is_encoder) {
    return fail(ErrorCategory::kUnsupported, "a {} model is not read token by token; quantize it without",
                config.architecture);
  }
  HEARTH_TRY(const std::vector<int32_t> tokens, read_tokens(command, *model));
  const int64_t window = std::min(command.window, config.context_length);
  HEARTH_TRY(engine::Evaluator* const evaluator, model->evaluator({.kv_dtype = settings.kv_type,
                                                                   .context_length = window,
                                                                   .chunk_rows = kChunk,
                                                                   .max_outputs = kChunk}));
  InputStatistics statistics(model->backend(), model->file());
  evaluator->set_backend(statistics);
  uint32_t n_windows = 1;
  {
    ProgressBar progress("reading", environment.err, environment.err_is_terminal);
    const auto n_tokens = static_cast<int64_t>(tokens.size());
    for (int64_t at = 0; at < n_tokens;) {
      if (evaluator->n_positions() == window) {
        evaluator->reset();
        ++n_windows;
      }
      const int64_t n = std::min({kChunk, n_tokens - at, window - evaluator->n_positions()});
      // Logits of all rows, so that the output matrix has its inputs too.
      HEARTH_TRY([[maybe_unused]] const tensor::TensorView logits,
                 evaluator->append(std::span(tokens.data() + at, static_cast<size_t>(n)), n));
      if (model->file().damaged()) {
        return fail(ErrorCategory::kIo, "{}: the file was changed or cut short while it was in use",
                    command.model);
      }
      at += n;
      progress.update(static_cast<uint64_t>(at), static_cast<uint64_t>(n_tokens));
    }
  }
  evaluator->set_backend(model->backend());
  const std::vector<convert::InputSums> sums = statistics.take();
  HEARTH_CHECK_OK(convert::write_importance_matrix(
      command.output, sums,
      {.name = command.text_file, .n_windows = n_windows, .window_tokens = static_cast<uint32_t>(window)}));
  environment.print_untrusted(
      fmt::format("{}: inputs of {} matrices over {} tokens\n", command.output, sums.size(), tokens.size()));
  return {};
}

}  // namespace

void add_imatrix(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<ImatrixCommand>();
  CLI::App* command = app.add_subcommand(
      "imatrix", "Learn from a text which columns of a model's matrices count, for quantize --imatrix");
  command->add_option("MODEL", options->model, "A model of the store, or the path of a GGUF file")
      ->required();
  command->add_option("--text", options->text_file, "The text: of the kinds that the model is for")
      ->required();
  command->add_option("-o,--output", options->output, "The file to write")->required();
  command->add_option("--window", options->window, "Tokens that are read as one text (default 512)")
      ->check(CLI::Range(64, 1'048'576));
  add_setting_flag(*command, options->settings, "--threads", "threads", "Compute threads");
  add_setting_flag(*command, options->settings, "--kernels", "kernels", "Instruction set by name");
  command->callback([&line, options] {
    line.action = [options](Environment& environment) { return run_imatrix(*options, environment); };
  });
}

}  // namespace hearth::app
