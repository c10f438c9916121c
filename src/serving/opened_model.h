// A model's file, its words and what it says of itself: all that can be known without reading weights.
// Listings, tokenizing and templates need no more.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "serving/generation_service.h"
#include "serving/text_model.h"

namespace hearth::serving {

// Immutable, for use from any thread.
class OpenedModel {
 public:
  // `context_length` and `prompt_rules` as in ModelPoolOptions. Errors: those of the file, its vocabulary and
  // its template; kUnsupported (architecture); kInvalidArgument for a context that the model was not made
  // for.
  static Result<std::shared_ptr<const OpenedModel>> open(const std::filesystem::path& path, std::string name,
                                                         int64_t context_length,
                                                         std::shared_ptr<const text::LineRules> prompt_rules);

  const gguf::ModelFile& file() const { return file_; }
  const TextModel& text() const { return *text_; }
  const ModelCard& card() const { return card_; }
  const ModelSummary& summary() const { return summary_; }  // with loaded = false
  Result<ModelDetails> describe() const;

 private:
  explicit OpenedModel(gguf::ModelFile file) : file_(std::move(file)) {}

  gguf::ModelFile file_;
  std::unique_ptr<TextModel> text_;
  ModelCard card_;
  ModelSummary summary_;
};

}  // namespace hearth::serving
