// Making a model of the store from weights and a Modelfile.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/model_store.h"
#include "store/modelfile.h"

namespace hearth::serving {

using FilesByName = std::map<std::string, std::filesystem::path, std::less<>>;

// Where the weights come from: one of the first three.
struct WeightSource {
  std::string model;                                      // of the store, by name
  std::filesystem::path file;                             // a GGUF file, any part of a model in several
  std::map<std::string, std::string, std::less<>> blobs;  // digests of files that were put into the store, by
                                                          // their names: parts of a model, or a checkpoint
  FilesByName checkpoint;                                 // config.json, tokenizer.json, *.safetensors
  std::string quantize;  // the types that they get (a mix by name); empty: as they are
};

// The files of a folder, if it has a checkpoint; otherwise none.
FilesByName find_checkpoint(const std::filesystem::path& folder);

// What a FROM line means: the path, relative to `folder`, of a file, or of a folder with a checkpoint or one
// GGUF file in it; where there is no such path, the name of a model. kNotFound, kInvalidArgument.
Result<WeightSource> find_weights(std::string_view from, const std::filesystem::path& folder);

struct CreationStep {
  std::string status{};  // as Ollama words it
  // Of what takes long; total 0 = it does not.
  std::string digest{};
  uint64_t completed = 0;
  uint64_t total = 0;
};
// False: stop, as nobody wants the model any more.
using OnCreationStep = std::function<bool(const CreationStep&)>;

// Weights that are to be written anew before they are a model of the store: one file of several, of a
// checkpoint, or with other types.
struct WeightConversion {
  std::string name;                            // of the model
  std::vector<std::filesystem::path> parts{};  // GGUF, in order; or
  FilesByName checkpoint{};
  std::string quantize{};          // as in WeightSource
  std::filesystem::path output{};  // does not exist
};
// Done by whoever has the means. `output` is whole or absent afterwards. kCancelled where a step says stop.
using ConvertWeights = std::function<Status(const WeightConversion&, const OnCreationStep&)>;

// Blocks. The model is there as a whole when this returns, under its name; after an error nothing has
// changed, but for blobs that the store collects later. A Modelfile on top of a model of the store keeps what
// it does not replace. Errors: those of the source and its file, and of `convert`; kInvalidArgument (a
// template that does not compile, with its line), kCancelled, kIo.
Result<store::StoredModel> create_model(store::ModelStore& models, const store::ModelName& name,
                                        const WeightSource& source, const store::Modelfile& modelfile,
                                        const ConvertWeights& convert, const OnCreationStep& on_step);

}  // namespace hearth::serving
