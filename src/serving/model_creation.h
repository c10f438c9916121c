// Making a model of the store from weights and a Modelfile.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/model_store.h"
#include "store/modelfile.h"

namespace hearth::serving {

// Where the weights come from: one of these; or a model for its words and a file that was made of its
// weights.
struct WeightSource {
  std::string model;           // of the store, by name
  std::filesystem::path file;  // GGUF
  std::string blob;            // digest of a GGUF that was put into the store
};

// What a FROM line means: the path, relative to `folder`, of a file, or of a folder with one GGUF file in it;
// where there is no such path, the name of a model. kNotFound, kInvalidArgument.
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

// Blocks. The model is there as a whole when this returns, under its name; after an error nothing has
// changed, but for blobs that the store collects later. A Modelfile on top of a model of the store keeps what
// it does not replace. Errors: those of the source and its file, kInvalidArgument (a template that does not
// compile, with its line), kCancelled, kIo.
Result<store::StoredModel> create_model(store::ModelStore& models, const store::ModelName& name,
                                        const WeightSource& source, const store::Modelfile& modelfile,
                                        const OnCreationStep& on_step);

}  // namespace hearth::serving
