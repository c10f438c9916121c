#include "app/model_argument.h"

#include <filesystem>

#include "serving/vocabulary_loader.h"

namespace hearth::app {

Result<gguf::ModelFile> open_model_file(const std::string& model) {
  std::error_code error;
  if (!std::filesystem::exists(model, error)) {
    return fail(ErrorCategory::kNotFound, "there is no file \"{}\"; give the path of a GGUF model file",
                model);
  }
  return gguf::ModelFile::open(model);
}

Result<std::unique_ptr<text::Tokenizer>> open_tokenizer(const gguf::ModelFile& file) {
  HEARTH_TRY(text::VocabularySpec spec, serving::read_vocabulary(file));
  return text::Tokenizer::create(std::move(spec));
}

}  // namespace hearth::app
