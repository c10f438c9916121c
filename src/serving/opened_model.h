// A model's file, its words and what it says of itself: all that can be known without reading weights.
// Listings, tokenizing and templates need no more.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "serving/generation_service.h"
#include "serving/text_model.h"

namespace hearth::serving {

// Immutable, for use from any thread.
class OpenedModel {
 public:
  // What is said of a model from outside its file.
  struct Options {
    std::string name;
    // Tokens a request may use; 0 = min(the model's own, 8192). More than the model was made for is as much
    // as that, or an error where `strict_context` is set.
    int64_t context_length = 0;
    bool strict_context = true;
    std::shared_ptr<const text::LineRules> prompt_rules{};  // edit system prompts; null = none
    ModelDefaults defaults{};
    std::string digest{};  // as in ModelSummary
  };

  // All shards, or any one of a set that has the names of shards. Errors: those of the file, its vocabulary
  // and its template; kUnsupported (architecture); kInvalidArgument for a context that the model was not made
  // for.
  static Result<std::shared_ptr<const OpenedModel>> open(std::span<const std::filesystem::path> shards,
                                                         Options options);
  // Only the summary, which needs neither words nor templates.
  static Result<ModelSummary> summarise(std::span<const std::filesystem::path> shards,
                                        const Options& options);

  const gguf::ModelFile& file() const { return file_; }
  const TextModel& text() const { return *text_; }
  const ModelCard& card() const { return card_; }
  const ModelSummary& summary() const { return summary_; }  // with loaded = false
  const ModelDefaults& defaults() const { return defaults_; }
  Result<ModelDetails> describe() const;

 private:
  explicit OpenedModel(gguf::ModelFile file) : file_(std::move(file)) {}

  gguf::ModelFile file_;
  std::unique_ptr<TextModel> text_;
  ModelCard card_;
  ModelSummary summary_;
  ModelDefaults defaults_;
};

}  // namespace hearth::serving
