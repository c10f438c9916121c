// import: a model of the store from files. GGUF files stay where they are; a checkpoint is converted.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "app/commands/commands.h"
#include "app/model_argument.h"
#include "app/model_making.h"
#include "app/terminal_text.h"
#include "convert/quant_mix.h"
#include "gguf/shards.h"
#include "serving/opened_model.h"
#include "store/gguf_folder.h"

namespace hearth::app {
namespace {

namespace fs = std::filesystem;

struct ImportOptions {
  std::string path;
  std::string name;
  std::string type;
};

// A file that no GGUF file is, beside others of a checkpoint.
bool is_part_of_checkpoint(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error) || gguf::has_gguf_ending(path)) return false;
  return path.extension() == ".safetensors" || !serving::find_checkpoint(path.parent_path()).empty();
}

// The one model that a path means.
Result<store::FolderModel> model_at(const fs::path& path) {
  std::error_code error;
  if (is_part_of_checkpoint(path)) {
    return fail(ErrorCategory::kInvalidArgument,
                "\"{}\" is one file of a checkpoint, which is imported as a whole: give its folder, {}",
                path.string(), path.parent_path().string());
  }
  if (!fs::is_directory(path, error)) return store::gguf_model_at(path);
  std::vector<store::FolderModel> models = store::list_gguf_models(path);
  if (models.size() == 1) return std::move(models.front());
  if (models.empty()) {
    return fail(ErrorCategory::kNotFound,
                "there is neither a GGUF file nor a checkpoint (config.json and *.safetensors) in {}",
                path.string());
  }
  std::string files;
  for (const store::FolderModel& model : models) files += "\n  " + model.files.front().string();
  return fail(ErrorCategory::kInvalidArgument, "{} holds several models; import one of them:{}",
              path.string(), files);
}

// A file's name as the name of a model: what such a name cannot have becomes '-'.
std::string name_from(std::string text) {
  for (char& c : text) {
    const bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '_' || c == '-';
    if (!fits) c = '-';
  }
  const size_t begin = text.find_first_not_of(".-");
  return begin == std::string::npos ? std::string() : text.substr(begin);
}

Status import_checkpoint(const ImportOptions& options, const fs::path& folder, serving::FilesByName files,
                         const Settings& settings, Environment& environment) {
  serving::WeightSource source;
  source.checkpoint = std::move(files);
  if (!options.type.empty()) {
    HEARTH_TRY(const convert::QuantMix mix, convert::find_quant_mix(options.type));
    source.quantize = mix.name;
  }
  HEARTH_TRY(const store::ModelName name,
             store::ModelName::parse(options.name.empty()
                                         ? name_from((folder / "").parent_path().filename().string())
                                         : options.name));
  ShutdownSignals signals;  // before any other thread, which inherit the blocked signals
  HEARTH_TRY(const store::StoredModel model,
             make_model(*open_store(settings), name, source, {}, signals, environment));
  environment.print(
      fmt::format("made {} of {} ({})\n", model.name, visible_line(options.path), human_bytes(model.bytes)));
  return {};
}

Status run_import(const ImportOptions& options, Environment& environment) {
  HEARTH_TRY(const Settings settings, load_settings(environment.variables));
  std::error_code error;
  const fs::path path = fs::absolute(options.path, error).lexically_normal();
  if (auto checkpoint = serving::find_checkpoint(path); !checkpoint.empty()) {
    return import_checkpoint(options, path, std::move(checkpoint), settings, environment);
  }
  if (!options.type.empty() && !is_part_of_checkpoint(path)) {
    return fail(ErrorCategory::kInvalidArgument,
                "--type is for checkpoints; GGUF files stay as they are (hearth quantize makes another one)");
  }
  HEARTH_TRY(const store::FolderModel found, model_at(path));
  if (!found.problem.empty()) {
    return fail(ErrorCategory::kNotFound, "{}: {}", options.path, found.problem);
  }
  HEARTH_TRY(const store::ModelName name,
             store::ModelName::parse(options.name.empty() ? name_from(found.name) : options.name));
  // What could not be used is refused now, not when somebody asks for it.
  HEARTH_TRY(const auto opened, serving::OpenedModel::open(found.files, {.name = name.text()}));
  HEARTH_TRY(const store::StoredModel model, open_store(settings)->import_file(name, found.files.front()));
  environment.print(fmt::format(
      "{} is {} now ({}, {}); its {} where {}\n", visible_line(found.files.front().string()), model.name,
      human_bytes(model.bytes), opened->card().main_type(),
      found.files.size() == 1 ? "file stays" : "files stay", found.files.size() == 1 ? "it is" : "they are"));
  return {};
}

}  // namespace

void add_import(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<ImportOptions>();
  CLI::App* command =
      app.add_subcommand("import", "Make a model of the store from GGUF files, in place, or a checkpoint");
  command
      ->add_option(
          "PATH", options->path,
          "A GGUF file, any shard of several, or a folder with one model: GGUF files, which stay where "
          "they are, or a checkpoint (config.json, tokenizer.json, *.safetensors), which is converted")
      ->required();
  command->add_option("--name", options->name, "The model's name; without, that of the file or folder");
  command->add_option("--type", options->type,
                      fmt::format("Types of the weights of a checkpoint, its own by default: {}",
                                  fmt::join(convert::quant_mix_names(), ", ")));
  command->callback([&line, options] {
    line.action = [options](Environment& environment) { return run_import(*options, environment); };
  });
}

}  // namespace hearth::app
