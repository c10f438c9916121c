// What a Modelfile puts on top of weights: put together, and written as layers of a manifest.
// ModelStore::overrides() reads them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/model_store.h"

namespace hearth::store {

// `changes` on top of `base`: texts and messages are replaced, parameters by name, licences added.
ModelOverrides merged(ModelOverrides base, const Modelfile& changes);

// The Modelfile that makes the same of `from`.
Modelfile modelfile_of(const ModelOverrides& overrides, std::string from);

// Writes the blobs; in the order Ollama has them. kIo.
Result<std::vector<Layer>> add_layers(const BlobStore& blobs, const ModelOverrides& overrides);

// The config of a manifest, for listings. kIo.
struct ImageConfig {
  std::string family;  // the architecture
  uint64_t parameters = 0;
  std::string file_type;  // "Q4_K_M"
};
Result<Layer> add_config(const BlobStore& blobs, const ImageConfig& config, const std::vector<Layer>& layers);

// Options as requests have them: {"temperature": 0.6, "stop": ["a"]}. Former parameters are left out;
// kInvalidArgument for what is not known or not of its type.
Result<std::vector<Modelfile::Parameter>> parameters_from_json(std::string_view json);
std::string parameters_to_json(const std::vector<Modelfile::Parameter>& parameters);

}  // namespace hearth::store
