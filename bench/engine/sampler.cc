// Time to choose a token from 262,144 logits, by the settings that ask for different work, and under a
// constraint by how many tokens it allows.
#include "engine/sampler.h"

#include <benchmark/benchmark.h>

#include <cstring>
#include <random>

namespace hearth::engine {
namespace {

constexpr size_t kVocabSize = 262144;

// A body of unlikely tokens and a few hundred that stand out, as language models have it; or none that do.
std::vector<float> random_logits(bool flat) {
  std::mt19937 random(1);
  std::normal_distribution<float> body(0, 2), head(12, 3);
  std::vector<float> logits(kVocabSize);
  for (float& logit : logits) logit = body(random);
  if (!flat) {
    for (int i = 0; i < 300; ++i) logits[random() % kVocabSize] = head(random);
  }
  return logits;
}

SamplingParams off() {
  SamplingParams params;
  params.temperature = 1;
  params.top_k = 0;
  params.top_p = 1;
  params.min_p = 0;
  params.seed = 1;
  return params;
}

void run(benchmark::State& state, const SamplingParams& params, const SamplerOptions& options, bool flat) {
  const std::vector<float> logits = random_logits(flat);
  std::vector<int32_t> prompt(8000);
  for (size_t i = 0; i < prompt.size(); ++i) prompt[i] = static_cast<int32_t>(i * 7919 % kVocabSize);
  Sampler sampler(params, options, prompt);
  std::vector<float> work = logits;
  for (auto _ : state) {
    auto sampled = sampler.sample(work);
    benchmark::DoNotOptimize(sampled);
    state.PauseTiming();
    std::memcpy(work.data(), logits.data(), logits.size() * sizeof(float));
    state.ResumeTiming();
  }
}

void add(const char* name, SamplingParams params, SamplerOptions options = {}, bool flat = false) {
  benchmark::RegisterBenchmark(name, [=](benchmark::State& state) {
    run(state, params, options, flat);
  })->Unit(benchmark::kMicrosecond);
}

class Mask : public TokenConstraint {
 public:
  // One token in `every`, or all but one.
  Mask(size_t every, bool inverted) : words_(kVocabSize / 64) {
    for (size_t i = 0; i < kVocabSize; ++i) {
      if ((i % every == 0) != inverted) words_[i / 64] |= uint64_t{1} << (i % 64);
    }
  }
  Result<std::optional<std::span<const uint64_t>>> allowed() override { return words_; }
  Status accept(int32_t) override { return {}; }

 private:
  std::vector<uint64_t> words_;
};

void add_constrained(const char* name, const SamplingParams& params, size_t every, bool inverted) {
  SamplerOptions options;
  options.constraint = std::make_shared<Mask>(every, inverted);
  add(name, params, options);
}

void add_all() {
  SamplingParams params = off();
  params.temperature = 0;
  add("greedy", params);
  params.logit_bias = {{5, 1.0f}, {77, -100.0f}};
  params.repetition_penalty = 1.1f;
  add("greedy, penalties, logit_bias", params);
  params.penalty_window = -1;
  add("greedy, penalties over 8000 tokens", params);

  params = off();
  add("temperature", params);
  add("temperature, top 20 logprobs", params, {.logprobs = true, .top_logprobs = 20});
  params.top_p = 0.95f;
  add("top_p", params);
  add("top_p, flat", params, {}, true);
  params.min_p = 0.05f;
  add("top_p, min_p", params);
  params.top_k = 40;
  add("top_k, top_p, min_p", params);
  add("top_k, top_p, min_p, top 20 logprobs", params, {.logprobs = true, .top_logprobs = 20});
  params.repetition_penalty = 1.1f;
  params.frequency_penalty = 0.2f;
  params.logit_bias = {{5, 1.0f}, {77, -100.0f}};
  add("top_k, top_p, min_p, penalties, logit_bias", params);

  params = off();
  params.temperature = 0;
  add_constrained("greedy, 16 tokens allowed", params, kVocabSize / 16, false);
  add_constrained("greedy, half allowed", params, 2, false);
  add_constrained("greedy, all but 512 allowed", params, 512, true);
  params = off();
  params.top_p = 0.95f;
  add_constrained("top_p, 16 tokens allowed", params, kVocabSize / 16, false);
  add_constrained("top_p, half allowed", params, 2, false);
  add_constrained("top_p, all but 512 allowed", params, 512, true);
}

}  // namespace
}  // namespace hearth::engine

int main(int argc, char** argv) {
  hearth::engine::add_all();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
