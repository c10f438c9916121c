// From the tokenizer.ggml.* keys of a model file to what text/ calls a vocabulary.
#pragma once

#include "base/result.h"
#include "gguf/model_file.h"
#include "text/vocabulary.h"

namespace hearth::serving {

// The views in the result point into `file`, which must outlive it. Errors: kCorrupt for a file without a
// vocabulary, for keys of another type than the format says and for ids that no vocabulary can have.
Result<text::VocabularySpec> read_vocabulary(const gguf::ModelFile& file);

}  // namespace hearth::serving
