// A model family: how its metadata becomes a ModelConfig. Nothing else differs between families; what they
// compute is composed from the blocks in model/ by what the configuration says.
#pragma once

#include <span>
#include <string_view>

#include "gguf/model_file.h"
#include "model/model_config.h"

namespace hearth::model {

struct Family {
  std::string_view architecture;  // general.architecture
  std::string_view description;
  // Fills what the family has in particular; `config` comes with the common keys read (read_common_config).
  Status (*configure)(const gguf::Metadata& metadata, ModelConfig& config);
};

// All known families, sorted by architecture.
std::span<const Family* const> families();

// The configuration of the model in `file`. kUnsupported for an architecture that is not known, with the list
// of those that are; kCorrupt names a key that is missing, of the wrong type or absurd.
Result<ModelConfig> read_config(const gguf::ModelFile& file);

}  // namespace hearth::model
