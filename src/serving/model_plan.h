// Plans a model: from its shape alone, so that what does not fit is known before a weight is read, and what
// is not on this machine can be judged. Engine and embedder answer for their own bytes.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/embedder.h"
#include "engine/engine.h"
#include "serving/memory_plan.h"

namespace hearth::serving {

struct PlanRequest {
  int64_t context_length = 0;  // tokens a request may use
  kernels::DType kv_dtype = kernels::DType::kF16;
  uint64_t word_bytes = 0;  // of the vocabulary
  bool speculate = true;
  size_t max_queue = 256;
};

// What a vocabulary takes in memory beside its file, whose texts are used where they stand.
uint64_t planned_word_bytes(size_t n_tokens, size_t n_merges);

struct ModelPlan {
  MemoryPlan memory;
  engine::EngineOptions engine;      // of models that write
  engine::EmbedderOptions embedder;  // of all
};

// Makes plans for one processor and its threads. Cheap; for one thread at a time.
class ModelPlanner {
 public:
  // Reserves on `backend`, which is for planning alone.
  explicit ModelPlanner(std::unique_ptr<tensor::Backend> backend) : backend_(std::move(backend)) {}

  // Without prefixes. `weight_bytes`: of the file. kUnsupported for a KV format the heads do not fit.
  Result<ModelPlan> plan(const model::ModelConfig& config, uint64_t weight_bytes, const PlanRequest& request);
  // The same, with an eighth of `left_bytes` filling up with prefixes: at most 4 GiB, and as much as 64 texts
  // of full length.
  Result<ModelPlan> plan_with_prefixes(const model::ModelConfig& config, uint64_t weight_bytes,
                                       const PlanRequest& request, uint64_t left_bytes);
  // What create() of an embedder takes.
  Result<uint64_t> embedder_bytes(const model::ModelConfig& config, const engine::EmbedderOptions& options);

  // What would make a model fit into `capacity`: a smaller type of keys and values or a shorter context;
  // nullopt when its weights alone are too large.
  std::optional<std::string> smaller(const model::ModelConfig& config, uint64_t weight_bytes,
                                     const PlanRequest& request, uint64_t capacity);

 private:
  Result<ModelPlan> plan(const model::ModelConfig& config, uint64_t weight_bytes, const PlanRequest& request,
                         uint64_t prefix_bytes);
  bool fits(const model::ModelConfig& config, uint64_t weight_bytes, const PlanRequest& request,
            uint64_t capacity);

  std::unique_ptr<tensor::Backend> backend_;
};

}  // namespace hearth::serving
