// A model in memory: its file, its words, its weights and the engine that runs it. Shared by the requests
// that use it; the last one to let go unloads it.
#pragma once

#include <filesystem>
#include <memory>

#include "base/thread_pool.h"
#include "engine/engine.h"
#include "serving/generation_service.h"
#include "serving/model_pool.h"
#include "serving/text_model.h"

namespace hearth::serving {

class LoadedModel : public std::enable_shared_from_this<LoadedModel> {
 public:
  // Blocks while the file is read in. Borrows the thread pool.
  static Result<std::shared_ptr<LoadedModel>> load(const std::filesystem::path& path, std::string name,
                                                   const ModelPoolOptions& options, ThreadPool& threads);

  Result<TokenStream> generate(GenerationRequest request);

  const ModelSummary& summary() const { return summary_; }
  LoadedModelState state() const;
  Result<ModelDetails> describe() const;
  const TextModel& text() const { return *text_; }
  engine::Engine& engine() { return *engine_; }

 private:
  explicit LoadedModel(gguf::ModelFile file) : file_(std::move(file)) {}

  gguf::ModelFile file_;
  ModelSummary summary_;
  std::unique_ptr<TextModel> text_;
  std::unique_ptr<model::Model> model_;
  engine::SamplingParams default_sampling_;
  const kernels::KernelTable* kernels_ = nullptr;
  std::vector<int32_t> suppressed_;
  std::unique_ptr<engine::Engine> engine_;  // last: it uses everything above
};

}  // namespace hearth::serving
