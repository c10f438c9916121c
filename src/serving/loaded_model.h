// A model in memory: its file, its words, its weights and the engine that runs it. Shared by the requests
// that use it; the last one to let go unloads it.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>

#include "base/thread_pool.h"
#include "engine/embedder.h"
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
  Result<TokenStream> embed(EmbeddingRequest request);
  Result<TokenStream> rank(RankRequest request);

  // Ends all work, as GenerationService::shut_down.
  void shut_down(std::chrono::milliseconds grace);
  // Why it cannot work any more; empty while it can.
  std::optional<Error> failure() const;

  const ModelSummary& summary() const { return summary_; }
  LoadedModelState state() const;
  Result<ModelDetails> describe() const;
  const TextModel& text() const { return *text_; }

 private:
  LoadedModel(gguf::ModelFile file, const ModelPoolOptions& options, ThreadPool& threads)
      : file_(std::move(file)), options_(options), threads_(threads) {}

  Status create_engine();
  Result<engine::Embedder*> embedder();
  engine::Embedder* existing_embedder() const;
  template <typename Sink>
  Result<TokenStream> submit(engine::Embedder& embedder, engine::EmbedRequest work);

  gguf::ModelFile file_;
  ModelPoolOptions options_;
  ThreadPool& threads_;
  ModelSummary summary_;
  std::unique_ptr<TextModel> text_;
  std::unique_ptr<model::Model> model_;
  engine::SamplingParams default_sampling_;
  const kernels::KernelTable* kernels_ = nullptr;
  std::vector<int32_t> suppressed_;
  // Last: they use everything above.
  std::unique_ptr<engine::Engine> engine_;  // none for models that only give vectors
  mutable std::mutex embedder_mutex_;
  std::unique_ptr<engine::Embedder> embedder_;  // made when it is first asked for
};

}  // namespace hearth::serving
