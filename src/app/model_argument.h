// The MODEL argument of commands: a path to a GGUF file.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "gguf/model_file.h"
#include "text/tokenizer.h"

namespace hearth::app {

// kNotFound says what to do; errors of the file name it.
Result<gguf::ModelFile> open_model_file(const std::string& model);

Result<std::unique_ptr<text::Tokenizer>> open_tokenizer(const gguf::ModelFile& file);

}  // namespace hearth::app
