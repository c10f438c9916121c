#include "app/fit/model_fit.h"

#include <gtest/gtest.h>

#include "tensor/cpu/cpu_backend.h"

namespace hearth::app {
namespace {

FitCandidate candidate(std::string_view name, std::string_view quant = "Q4_K_M") {
  for (const catalogue::KnownModel& model : catalogue::known_models()) {
    if (model.name == name) return known_candidate(model, quant, kernels::DType::kF16);
  }
  ADD_FAILURE() << name;
  return known_candidate(catalogue::known_models().front(), quant, kernels::DType::kF16);
}

double decode_bytes(const ModelWork& work) {
  double bytes = work.expert_bytes();
  for (const auto& [dtype, product] : work.products()) bytes += product.decode_bytes;
  return bytes;
}
double prefill_values(const ModelWork& work) {
  double values = 0;
  for (const auto& [dtype, product] : work.products()) values += product.prefill_values;
  return values;
}

TEST(ModelWork, CountsWhatATokenNeeds) {
  const FitCandidate dense = candidate("Llama 3.1 8B");
  EXPECT_NEAR(static_cast<double>(dense.file_bytes), 4.92e9, 0.05e9);  // the published file
  // All but the table that one row is looked up in.
  EXPECT_NEAR(decode_bytes(dense.work), static_cast<double>(dense.file_bytes) - 128256 * 4096 * 0.5625,
              0.02e9);
  EXPECT_NEAR(prefill_values(dense.work), 6.98e9, 0.02e9);
  EXPECT_EQ(dense.work.cache_bytes(1000), 32 * 2 * 8 * 128 * 2 * 1000.0);

  const FitCandidate experts = candidate("Qwen3 30B-A3B");
  EXPECT_LT(decode_bytes(experts.work), static_cast<double>(experts.file_bytes) / 8);
  EXPECT_EQ(experts.work.experts().size(), 48u);
  EXPECT_EQ(experts.work.experts().at(47).down.n_matrices, 128);

  // Layers that share keys are not computed for prompts, and windows bound what is looked at.
  const FitCandidate shared = candidate("Gemma 4 E4B");
  EXPECT_LT(prefill_values(shared.work), 2.6e9);
  EXPECT_LT(shared.work.cache_bytes(100'000), 100 * shared.work.cache_bytes(1000) / 2);
}

ModelFit fit(const char* name, int chat, double speed, bool fits) {
  ModelFit result{
      .name = name, .quant = {}, .pull = {}, .fitness = {.chat = chat}, .contexts = {}, .why = {}};
  result.decode_tokens_per_second = speed;
  result.contexts = {{.context = 4096, .memory = {}, .fits = fits}};
  return result;
}

TEST(ModelFit, TheBestIsTheBestThatFitsAtReadingPace) {
  const std::vector<ModelFit> fits = {fit("small", 40, 50, true), fit("good", 70, 8, true),
                                      fit("slow", 80, 2, true), fit("large", 90, 9, false)};
  EXPECT_EQ(best_for(kPurposes[0], fits)->name, "good");
  EXPECT_EQ(best_for(kPurposes[0], {fit("slow", 80, 2, true), fit("slower", 90, 1, true)})
                ->decode_tokens_per_second,
            2);
  EXPECT_EQ(best_for(kPurposes[0], {fit("large", 90, 9, false)}), nullptr);
  EXPECT_EQ(best_for(kPurposes[1], fits), nullptr);
}

TEST(ModelFit, SaysWhyAModelDoesNotFit) {
  ThreadPool threads(2);
  const kernels::KernelTable& kernels = *kernels::available_kernels().front();
  serving::ModelPlanner planner(tensor::create_cpu_backend(kernels, threads));
  const auto judged = [&](std::string_view name, uint64_t gigabytes) {
    return *judge(candidate(name), planner, {.memory_bytes = gigabytes * 1'000'000'000});
  };
  const ModelFit large = judged("Llama 3.3 70B", 16);
  EXPECT_EQ(large.verdict, Verdict::kNo);
  EXPECT_NE(large.why.find("models can have 16.0 GB"), std::string::npos) << large.why;
  const ModelFit small = judged("Llama 3.1 8B", 16);
  EXPECT_EQ(small.verdict, Verdict::kTight);  // not with its whole context
  EXPECT_TRUE(small.at(32768)->fits);
  EXPECT_EQ(judged("Llama 3.1 8B", 100).verdict, Verdict::kFits);
}

}  // namespace
}  // namespace hearth::app
