// Whether a model fits this machine, and how fast it would be.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/fit/machine_speed.h"
#include "catalogue/known_models.h"
#include "serving/model_plan.h"

namespace hearth::app {

// A model by its shape, from a file or from the catalogue.
struct FitCandidate {
  std::string name;
  std::string quant;  // "Q4_K_M"; of a file, its commonest type
  model::ModelConfig config;
  uint64_t file_bytes = 0;
  ModelWork work;
  catalogue::Fitness fitness;
  std::string pull;  // what `hearth pull` fetches it by; empty = not known, or a file
  std::shared_ptr<const gguf::ModelFile> file;  // whose matrices are measured; null: only its shape is known
};

FitCandidate known_candidate(const catalogue::KnownModel& model, std::string_view quant,
                             kernels::DType kv_dtype);
Result<FitCandidate> file_candidate(gguf::ModelFile file, std::string name, kernels::DType kv_dtype);

struct ContextFit {
  int64_t context = 0;  // tokens
  serving::MemoryPlan memory;
  bool fits = false;
};

enum class Verdict { kFits, kTight, kNo };
const char* verdict_name(Verdict verdict);  // "fits", "tight", "no"

struct ModelFit {
  std::string name, quant;
  std::string pull;
  uint64_t file_bytes = 0;
  catalogue::Fitness fitness;
  std::vector<ContextFit> contexts;      // 4k, 32k and the model's own, as far as it goes
  double prefill_tokens_per_second = 0;  // a prompt of 512 tokens
  double decode_tokens_per_second = 0;   // with 64 tokens before; 0 for encoders
  double decode_at_32k = 0;              // with 32k tokens before, or all that the model takes
  Verdict verdict = Verdict::kNo;
  std::string why;  // a sentence

  const ContextFit* at(
      int64_t context) const;  // the smallest that is judged and holds so much, or the largest
};

struct FitOptions {
  uint64_t memory_bytes = 0;  // that models may have
  kernels::DType kv_dtype = kernels::DType::kF16;
  bool speculate = true;
};

// Without speeds.
Result<ModelFit> judge(const FitCandidate& candidate, serving::ModelPlanner& planner,
                       const FitOptions& options);
Status predict_speed(const FitCandidate& candidate, MachineSpeed& speed, ModelFit& fit);

// The best for a purpose, among those that fit with the context it needs and write at reading pace; without
// one, the fastest that fits. nullptr when none does.
struct Purpose {
  const char* name;
  int64_t context;
  int catalogue::Fitness::*fitness;
};
inline constexpr Purpose kPurposes[] = {{"chat", 4096, &catalogue::Fitness::chat},
                                        {"reasoning", 32768, &catalogue::Fitness::reasoning},
                                        {"documents", 32768, &catalogue::Fitness::documents},
                                        {"search", 512, &catalogue::Fitness::embedding}};
const ModelFit* best_for(const Purpose& purpose, const std::vector<ModelFit>& fits);

}  // namespace hearth::app
