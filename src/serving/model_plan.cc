#include "serving/model_plan.h"

#include <algorithm>

namespace hearth::serving {
namespace {

// Of the memory that is left, what may fill up with prefixes that nobody uses at the moment.
constexpr uint64_t kPrefixShare = 8;
constexpr uint64_t kMaxPrefixBytes = uint64_t{4} << 30;
constexpr uint64_t kMaxPrefixTexts = 64;

// Shorter contexts are not worth proposing.
constexpr int64_t kShortestContext = 256;

// Two slots of the index by spelling, type, score and view of a token; one and a half slots of the table of
// merges and the view of a merge.
constexpr uint64_t kTokenBytes = 2 * 8 + 4 + 8 + 4 + 16;
constexpr uint64_t kMergeBytes = 24 + 16;

}  // namespace

uint64_t planned_word_bytes(size_t n_tokens, size_t n_merges) {
  return n_tokens * kTokenBytes + n_merges * kMergeBytes;
}

Result<ModelPlan> ModelPlanner::plan(const model::ModelConfig& config, uint64_t weight_bytes,
                                     const PlanRequest& request) {
  return plan(config, weight_bytes, request, 0);
}

Result<ModelPlan> ModelPlanner::plan_with_prefixes(const model::ModelConfig& config, uint64_t weight_bytes,
                                                   const PlanRequest& request, uint64_t left_bytes) {
  HEARTH_TRY(const ModelPlan without, plan(config, weight_bytes, request, 0));
  const uint64_t texts = kMaxPrefixTexts * without.memory.cache_bytes() / engine::KvCacheOptions().n_contexts;
  return plan(config, weight_bytes, request, std::min({left_bytes / kPrefixShare, kMaxPrefixBytes, texts}));
}

Result<ModelPlan> ModelPlanner::plan(const model::ModelConfig& config, uint64_t weight_bytes,
                                     const PlanRequest& request, uint64_t prefix_bytes) {
  ModelPlan plan;
  plan.memory.weight_bytes = weight_bytes;
  plan.memory.word_bytes = request.word_bytes;
  plan.embedder.kv_dtype = request.kv_dtype;
  plan.embedder.context_length = request.context_length;
  plan.embedder.max_waiting = request.max_queue;
  if (config.is_encoder) {
    HEARTH_TRY(plan.memory.embedder_bytes, embedder_bytes(config, plan.embedder));
    return plan;
  }
  plan.engine.kv.dtype = request.kv_dtype;
  plan.engine.kv.context_length = request.context_length;
  plan.engine.kv.prefix_bytes = prefix_bytes;
  plan.engine.limits.max_waiting = request.max_queue;
  plan.engine.speculate = request.speculate;
  HEARTH_TRY(const engine::EngineMemory memory, engine::Engine::plan(config, plan.engine, *backend_));
  plan.memory.kv_full_bytes = memory.kv_bytes[static_cast<int>(model::AttentionKind::kFull)];
  plan.memory.kv_sliding_bytes = memory.kv_bytes[static_cast<int>(model::AttentionKind::kSliding)];
  plan.memory.prefix_bytes = memory.prefix_bytes;
  plan.memory.activation_bytes = memory.activation_bytes;
  plan.memory.logit_bytes = memory.logit_bytes;
  plan.memory.scratch_bytes = memory.scratch_bytes;
  return plan;
}

Result<uint64_t> ModelPlanner::embedder_bytes(const model::ModelConfig& config,
                                              const engine::EmbedderOptions& options) {
  HEARTH_TRY(const size_t bytes, engine::Embedder::planned_bytes(config, options, *backend_));
  return uint64_t{bytes};
}

bool ModelPlanner::fits(const model::ModelConfig& config, uint64_t weight_bytes, const PlanRequest& request,
                        uint64_t capacity) {
  const auto planned = plan(config, weight_bytes, request);
  return planned && planned->memory.total_bytes() <= capacity;
}

std::optional<std::string> ModelPlanner::smaller(const model::ModelConfig& config, uint64_t weight_bytes,
                                                 const PlanRequest& request, uint64_t capacity) {
  std::vector<std::string> ways;
  PlanRequest packed = request;
  packed.kv_dtype = kernels::DType::kQ8_0;
  if (request.kv_dtype != packed.kv_dtype && !config.is_encoder &&
      fits(config, weight_bytes, packed, capacity)) {
    ways.push_back("keys and values in 8 bits (kv_type = \"q8_0\")");
  }
  for (int64_t context = request.context_length / 2; context >= kShortestContext; context /= 2) {
    PlanRequest shorter = request;
    shorter.context_length = context;
    if (!fits(config, weight_bytes, shorter, capacity)) continue;
    ways.push_back(fmt::format("a context of {} tokens (context = {})", context, context));
    break;
  }
  if (ways.empty()) return std::nullopt;
  return fmt::format("it fits with {}", fmt::join(ways, " or "));
}

}  // namespace hearth::serving
