// The MODEL argument of commands: the path of a GGUF file, or the name of a model in the store.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "app/settings.h"
#include "base/result.h"
#include "gguf/model_file.h"
#include "serving/model_defaults.h"
#include "text/tokenizer.h"

namespace hearth::app {

// With the model that comes with Hearth, hearth-helper.gguf: beside the program, or in ../share/hearth from
// there.
std::shared_ptr<store::ModelStore> open_store(const Settings& settings);

struct ModelArgument {
  std::string name;  // of the store, or the path
  bool in_store = false;
  std::vector<std::filesystem::path> files;  // one of them, or all shards
  serving::ModelDefaults defaults;           // what the store says on top
};

// What is written like a path or is a file is one, all else a name. kNotFound says what to do; kCorrupt: the
// model's own problem; errors of the settings, which only names need.
Result<ModelArgument> find_model(const std::string& model, const EnvironmentLookup& environment);
Result<ModelArgument> find_model(const std::string& model, const Settings& settings);

// Errors of the file name it.
Result<gguf::ModelFile> open_model_file(const ModelArgument& model);

Result<std::unique_ptr<text::Tokenizer>> open_tokenizer(const gguf::ModelFile& file);

}  // namespace hearth::app
