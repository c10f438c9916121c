// A model in memory: its file, its words, its weights and the engine that runs it.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "base/thread_pool.h"
#include "engine/embedder.h"
#include "engine/engine.h"
#include "serving/grammar_cache.h"
#include "serving/memory_budget.h"
#include "serving/metrics.h"
#include "serving/model_keeper.h"
#include "serving/model_plan.h"
#include "serving/model_pool.h"
#include "serving/opened_model.h"
#include "serving/resident_model.h"

namespace hearth::serving {

class LoadedModel : public ResidentModel, public std::enable_shared_from_this<LoadedModel> {
 public:
  // Blocks while the file is read in; gives up when `stop` becomes true. Borrows the thread pool and the
  // budget, of which it claims what it plans to use: a model that has no room is refused before it is read.
  static ModelKeeper::Loaded load(std::shared_ptr<const OpenedModel> opened, const ModelPoolOptions& options,
                                  ThreadPool& threads, MemoryBudget& budget, const std::atomic<bool>& stop);

  ~LoadedModel() override;

  Status generate(GenerationRequest request, TokenWriter writer) override;
  Status embed(EmbeddingRequest request, TokenWriter writer) override;
  Status rank(RankRequest request, TokenWriter writer) override;

  LoadedModelState state() const override;
  uint64_t planned_bytes() const override { return plan_.memory.total_bytes(); }
  std::optional<Error> failure() const override;
  void shut_down(std::chrono::milliseconds grace) override;

  ModelSummary summary() const;
  const TextModel& text() const { return opened_->text(); }

 private:
  LoadedModel(std::shared_ptr<const OpenedModel> opened, const ModelPoolOptions& options, ThreadPool& threads,
              MemoryBudget& budget)
      : opened_(std::move(opened)), options_(options), threads_(threads), budget_(budget) {}

  // What it takes; the part of the budget for that is claimed. With missing_bytes where there is too little.
  tl::expected<ModelPlan, LoadFailure> plan(const model::ModelConfig& config);
  std::unique_ptr<tensor::Backend> new_backend() const;

  // Tokens that prompt and answer may have together. kInvalidArgument: more than there are.
  int64_t context_of(const GenerationRequest& request) const;
  Result<engine::Embedder*> embedder();
  engine::Embedder* existing_embedder() const;
  template <typename Sink>
  Status submit(engine::Embedder& embedder, engine::EmbedRequest work, TokenWriter writer);

  std::shared_ptr<const OpenedModel> opened_;
  ModelPoolOptions options_;
  ThreadPool& threads_;
  MemoryBudget& budget_;
  MemoryBudget::Claim claim_, embedder_claim_;
  ModelPlan plan_;
  std::unique_ptr<model::Model> model_;
  const kernels::KernelTable* kernels_ = nullptr;
  std::vector<int32_t> suppressed_;
  std::unique_ptr<GrammarCache> grammars_;
  std::shared_ptr<ModelMetrics> metrics_;  // may be null
  // Last: they use everything above.
  std::unique_ptr<engine::Engine> engine_;  // none for models that only give vectors
  mutable std::mutex embedder_mutex_;
  std::unique_ptr<engine::Embedder> embedder_;  // made when it is first asked for
};

}  // namespace hearth::serving
