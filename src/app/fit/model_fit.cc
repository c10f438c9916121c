#include "app/fit/model_fit.h"

#include <algorithm>

#include "app/terminal_text.h"
#include "catalogue/model_config_of.h"
#include "catalogue/tensor_types.h"
#include "convert/quant_mix.h"
#include "model/families/family.h"
#include "model/model.h"
#include "serving/model_card.h"

namespace hearth::app {
namespace {

constexpr int64_t kPromptTokens = 512;
constexpr int64_t kDecodeDepth = 64;
constexpr int64_t kContexts[] = {4096, 32768};
constexpr double kTightShare = 0.85;  // of the memory: little is left for a second model or prefixes
constexpr double kReadingPace = 5;    // tokens per second
constexpr uint64_t kBytesPerVocabularyEntry = 24;  // in the file: text, score, type, merges

}  // namespace

const char* verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kFits:
      return "fits";
    case Verdict::kTight:
      return "tight";
    case Verdict::kNo:
      break;
  }
  return "no";
}

FitCandidate known_candidate(const catalogue::KnownModel& model, std::string_view quant,
                             kernels::DType kv_dtype) {
  const catalogue::ModelSpec& spec = *catalogue::find_model_spec(model.shape);
  const auto tensors = catalogue::list_tensors(spec);
  const auto types = catalogue::choose_types(*convert::find_quant_mix(quant), spec, tensors);
  model::ModelConfig config = catalogue::config_of(spec);
  ModelWork work(config, kv_dtype);
  for (size_t i = 0; i < tensors.size(); ++i) {
    work.add(tensors[i].name, types[i], tensors[i].dims);
  }
  work.finish();
  return {.name = std::string(model.name),
          .quant = std::string(quant),
          .config = std::move(config),
          .file_bytes = work.weight_bytes() + spec.vocab * kBytesPerVocabularyEntry,
          .work = std::move(work),
          .fitness = model.fitness,
          .pull = model.pull,
          .file = nullptr};
}

Result<FitCandidate> file_candidate(gguf::ModelFile opened, std::string name, kernels::DType kv_dtype) {
  auto file = std::make_shared<const gguf::ModelFile>(std::move(opened));
  HEARTH_TRY([[maybe_unused]] const auto loaded, model::Model::load(*file));  // all shapes are checked
  HEARTH_TRY(model::ModelConfig config, model::read_config(*file));
  HEARTH_TRY(const serving::ModelCard card, serving::read_model_card(*file));
  ModelWork work(config, kv_dtype);
  for (const gguf::TensorInfo& tensor : file->tensors()) {
    work.add(tensor.name, tensor.dtype, {tensor.dims, tensor.n_dims}, tensor.bytes.data());
  }
  work.finish();
  return FitCandidate{.name = std::move(name),
                      .quant = card.main_type(),
                      .config = std::move(config),
                      .file_bytes = file->size_bytes(),
                      .work = std::move(work),
                      .fitness = {},
                      .pull = {},
                      .file = std::move(file)};
}

const ContextFit* ModelFit::at(int64_t context) const {
  const auto found = std::find_if(contexts.begin(), contexts.end(),
                                  [&](const ContextFit& fit) { return fit.context >= context; });
  return found == contexts.end() ? &contexts.back() : &*found;
}

Result<ModelFit> judge(const FitCandidate& candidate, serving::ModelPlanner& planner,
                       const FitOptions& options) {
  const model::ModelConfig& config = candidate.config;
  ModelFit fit{.name = candidate.name,
               .quant = candidate.quant,
               .pull = candidate.pull,
               .file_bytes = candidate.file_bytes,
               .fitness = candidate.fitness,
               .contexts = {},
               .why = {}};
  std::vector<int64_t> contexts;
  for (const int64_t context : kContexts) {
    if (context < config.context_length) contexts.push_back(context);
  }
  contexts.push_back(config.context_length);
  for (const int64_t context : contexts) {
    HEARTH_TRY(const serving::ModelPlan plan, planner.plan(config, candidate.file_bytes,
                                                           {.context_length = context,
                                                            .kv_dtype = options.kv_dtype,
                                                            .speculate = options.speculate}));
    fit.contexts.push_back({.context = context,
                            .memory = plan.memory,
                            .fits = plan.memory.total_bytes() <= options.memory_bytes});
  }
  const ContextFit* longest = nullptr;
  for (const ContextFit& context : fit.contexts) {
    if (context.fits) longest = &context;
  }
  if (longest == nullptr) {
    fit.why = fmt::format("needs {} with a context of {} tokens, models can have {}",
                          human_bytes(fit.contexts.front().memory.total_bytes()),
                          fit.contexts.front().context, human_bytes(options.memory_bytes));
    return fit;
  }
  const bool whole = longest == &fit.contexts.back();
  const uint64_t need = longest->memory.total_bytes();
  const bool roomy = static_cast<double>(need) <= kTightShare * static_cast<double>(options.memory_bytes);
  fit.verdict = whole && roomy ? Verdict::kFits : Verdict::kTight;
  fit.why = whole ? "its whole context fits"
                  : fmt::format("fits up to {} tokens of {}", longest->context, config.context_length);
  if (!roomy)
    fit.why += fmt::format(", which takes {} of {}", human_bytes(need), human_bytes(options.memory_bytes));
  return fit;
}

Status predict_speed(const FitCandidate& candidate, MachineSpeed& speed, ModelFit& fit) {
  const model::ModelConfig& config = candidate.config;
  HEARTH_TRY(fit.prefill_tokens_per_second,
             speed.prefill(candidate.work, std::min(kPromptTokens, config.context_length)));
  if (config.is_encoder) return {};
  const int64_t depths[] = {kDecodeDepth, std::min(kContexts[1], config.context_length)};
  HEARTH_TRY(const std::vector<double> rates, speed.decode(candidate.work, depths));
  fit.decode_tokens_per_second = rates[0];
  fit.decode_at_32k = rates[1];
  if (fit.verdict != Verdict::kNo && fit.decode_tokens_per_second < kReadingPace) {
    fit.why += "; writes slower than one reads";
  }
  return {};
}

const ModelFit* best_for(const Purpose& purpose, const std::vector<ModelFit>& fits) {
  const ModelFit* best = nullptr;
  const ModelFit* fastest = nullptr;
  for (const ModelFit& fit : fits) {
    const int score = fit.fitness.*purpose.fitness;
    if (score == 0 || !fit.at(purpose.context)->fits) continue;
    const bool writes = fit.decode_tokens_per_second > 0;
    const double pace = writes ? fit.decode_tokens_per_second : fit.prefill_tokens_per_second;
    if (fastest == nullptr ||
        pace > (writes ? fastest->decode_tokens_per_second : fastest->prefill_tokens_per_second)) {
      fastest = &fit;
    }
    if (writes && pace < kReadingPace) continue;
    if (best == nullptr || score > best->fitness.*purpose.fitness) best = &fit;
  }
  return best != nullptr ? best : fastest;
}

}  // namespace hearth::app
