#include "app/model_argument.h"

#include <optional>

#include "base/platform/executable.h"
#include "serving/vocabulary_loader.h"

namespace hearth::app {
namespace {

namespace fs = std::filesystem;

bool is_file(const std::string& model) {
  std::error_code error;
  return is_model_path(model) || fs::is_regular_file(model, error);
}

Result<ModelArgument> file_argument(const std::string& path) {
  std::error_code error;
  if (!fs::exists(path, error)) {
    return fail(ErrorCategory::kNotFound, "there is no file \"{}\"; give the path of a GGUF model file",
                path);
  }
  return ModelArgument{.name = path, .in_store = false, .files = {path}, .defaults = {}};
}

// Of the model that comes with Hearth; absent where it has been left behind.
std::optional<fs::path> builtin_model() {
  constexpr const char* kFile = "hearth-helper.gguf";
  const fs::path folder = platform::executable_path().parent_path();
  std::error_code error;
  for (const fs::path& path : {folder / kFile, folder.parent_path() / "share" / "hearth" / kFile}) {
    if (fs::is_regular_file(path, error)) return path;
  }
  return std::nullopt;
}

}  // namespace

std::shared_ptr<store::ModelStore> open_store(const Settings& settings) {
  std::vector<store::ModelSource> sources = settings.model_sources;
  if (auto path = builtin_model()) {
    sources.push_back({store::ModelSource::Kind::kBuiltIn, *std::move(path)});
  }
  return std::make_shared<store::ModelStore>(settings.store_folder, std::move(sources));
}

Result<ModelArgument> find_model(const std::string& model, const EnvironmentLookup& environment) {
  if (is_file(model)) return file_argument(model);
  HEARTH_TRY(const Settings settings, load_settings(environment));
  return find_model(model, settings);
}

Result<ModelArgument> find_model(const std::string& model, const Settings& settings) {
  if (is_file(model)) return file_argument(model);
  const auto store = open_store(settings);
  const auto found = store->find(model);
  if (!found && found.error().category == ErrorCategory::kNotFound) {
    return fail(
        ErrorCategory::kNotFound,
        "there is no file and no model \"{}\"; give the path of a GGUF file, or a name that hearth list "
        "shows",
        model);
  }
  if (!found) return propagate(Error(found.error()));
  auto overrides = store->overrides(*found);
  if (!overrides) return propagate(std::move(overrides).error(), found->name);
  return ModelArgument{.name = found->name,
                       .in_store = true,
                       .files = found->files,
                       .defaults = serving::read_model_defaults(*overrides)};
}

Result<gguf::ModelFile> open_model_file(const ModelArgument& model) {
  auto opened = gguf::ModelFile::open(model.files);
  if (!opened && model.in_store) return propagate(std::move(opened).error(), model.name);
  return opened;
}

Result<std::unique_ptr<text::Tokenizer>> open_tokenizer(const gguf::ModelFile& file) {
  HEARTH_TRY(text::VocabularySpec spec, serving::read_vocabulary(file));
  return text::Tokenizer::create(std::move(spec));
}

}  // namespace hearth::app
