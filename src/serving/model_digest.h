// A name for a model by its content, cheap enough for every load.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/sha256.h"
#include "gguf/model_file.h"

namespace hearth::serving {

// SHA-256 of all that decides what the model computes with the given kernels: the metadata and the list of
// tensors as they stand in the file, the ends of every tensor's data, the files' sizes and when they were
// last changed. Equal digests mean the same model; the same model may have several, after a copy for
// instance.
Sha256Digest model_digest(const gguf::ModelFile& file, std::string_view kernels);

}  // namespace hearth::serving
