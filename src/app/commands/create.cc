// create: a model of the store from a Modelfile.
#include <CLI/CLI.hpp>
#include <fstream>
#include <iterator>
#include <memory>

#include "app/commands/commands.h"
#include "app/model_argument.h"
#include "app/model_making.h"
#include "app/shutdown_signals.h"
#include "convert/quant_mix.h"

namespace hearth::app {
namespace {

constexpr size_t kMaxModelfileBytes = size_t{16} << 20;

struct CreateOptions {
  std::string name;
  std::string file = "Modelfile";
  std::string quantize;
};

Result<std::string> read_modelfile(const std::string& path, const Environment& environment) {
  if (path == "-") return environment.read_input(kMaxModelfileBytes);
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return fail(ErrorCategory::kInvalidArgument, "\"{}\" is a folder; -f names the Modelfile", path);
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return fail(ErrorCategory::kNotFound, "there is no file \"{}\"; -f names the Modelfile", path);
  }
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (text.size() > kMaxModelfileBytes) {
    return fail(ErrorCategory::kInvalidArgument, "{} is longer than a Modelfile may be", path);
  }
  return text;
}

Status run_create(const CreateOptions& options, Environment& environment) {
  HEARTH_TRY(const Settings settings, load_settings(environment.variables));
  HEARTH_TRY(const store::ModelName name, store::ModelName::parse(options.name));
  HEARTH_TRY(const std::string text, read_modelfile(options.file, environment));
  auto parsed = store::parse_modelfile(text);
  if (!parsed) return propagate(std::move(parsed).error(), options.file);
  for (const std::string& warning : parsed->warnings) environment.say(warning);
  if (parsed->from.size() != 1) {
    return fail(
        ErrorCategory::kUnsupported,
        "{}: {} FROM lines: weights come from one place; a second file with an image encoder is not used",
        options.file, parsed->from.size());
  }
  const std::filesystem::path folder =
      options.file == "-" ? std::filesystem::path() : std::filesystem::path(options.file).parent_path();
  HEARTH_TRY(serving::WeightSource source, serving::find_weights(parsed->from.front(), folder));
  if (!options.quantize.empty()) {
    HEARTH_TRY(const convert::QuantMix mix, convert::find_quant_mix(options.quantize));
    source.quantize = mix.name;
  }
  ShutdownSignals signals;  // before any other thread, which inherit the blocked signals
  HEARTH_TRY(const store::StoredModel made,
             make_model(*open_store(settings), name, source, *parsed, signals, environment));
  environment.print_untrusted(fmt::format("made {}\n", made.name));
  return {};
}

}  // namespace

void add_create(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<CreateOptions>();
  CLI::App* command = app.add_subcommand("create", "Make a model from another one, as a Modelfile says");
  command->add_option("NAME", options->name, "What the new model is called")->required();
  command->add_option("-f,--file", options->file,
                      "The Modelfile; - reads standard input (default: Modelfile)");
  command->add_option(
      "-q,--quantize", options->quantize,
      fmt::format("Write the weights with smaller types: {}", fmt::join(convert::quant_mix_names(), ", ")));
  command->callback([&line, options] {
    line.action = [options](Environment& environment) { return run_create(*options, environment); };
  });
}

}  // namespace hearth::app
