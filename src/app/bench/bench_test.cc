#include "app/bench/bench_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "kernels/kernels.h"

namespace hearth::app {
namespace {

using ::testing::HasSubstr;

TEST(MachineLimits, ReadLoopsReadEverything) {
  auto buffer = AlignedBuffer::create(3 * kReadUnit);
  ASSERT_TRUE(buffer);
  auto* words = reinterpret_cast<uint64_t*>(buffer->data());
  uint64_t sum = 0;
  for (size_t i = 0; i < 2 * kReadUnit / sizeof(uint64_t); ++i) sum += words[i] = i * i + 1;
  for (const ReadLoop& loop : read_loops())
    EXPECT_EQ(loop.run(buffer->data(), 2 * kReadUnit), sum) << loop.name;
}

TEST(MachineLimits, FastTablesHaveADotProduct) {
  ThreadPool threads(2);
  for (const kernels::KernelTable* table : kernels::available_kernels()) {
    const double peak = measure_dot_peak(threads, table->name);
    if (table->name == "reference") {
      EXPECT_EQ(peak, 0);
    } else {
      EXPECT_GT(peak, 1e6) << table->name;
    }
  }
}

BenchResult result(BenchTest::Kind kind) {
  return {.test = {.kind = kind, .n_tokens = 8, .depth = 16, .batch = 2},
          .per_token = {.bytes = 100, .macs = 1000},
          .tokens_per_second = {30, 10, 20},
          .limit_per_second = {6000, 4000, 4000},
          .profile = {}};
}

TEST(BenchReport, TheShareIsOfTheLimitBesideEachRun) {
  const BenchResult generate = result(BenchTest::Kind::kGenerate);
  EXPECT_EQ(generate.median_tokens_per_second(), 20);
  EXPECT_DOUBLE_EQ(*generate.share_of_limit(), 0.5);  // of 0.5, 0.25 and 0.5
  EXPECT_DOUBLE_EQ(*result(BenchTest::Kind::kPrompt).share_of_limit(), 5);
  BenchResult unknown = generate;
  unknown.limit_per_second = {0, 0, 0};
  EXPECT_FALSE(unknown.share_of_limit());
}

TEST(BenchReport, JsonAndText) {
  BenchMachine machine{.kernels = "avx2",
                       .n_threads = 2,
                       .bandwidth = {{PageSize::kSmall, 1, &read_loops()[0], 1e9},
                                     {PageSize::kHuge, 2, &read_loops()[1], 2e9}},
                       .macs_per_second = 3e9};
  BenchResult profiled = result(BenchTest::Kind::kGenerate);
  profiled.profile = {.phases = {{"norm", 3, 0.25, {.activation_bytes = 64}},
                                 {"lm_head", 1, 0.5, {.weight_bytes = 1e9, .macs = 2e9}}},
                      .seconds = 1,
                      .waits = {.regions = 7, .nanoseconds = 10'000'000, .sleeps = 1}};
  const BenchResult results[] = {result(BenchTest::Kind::kPrompt), profiled};
  const api::Json json = bench_json(machine, results);
  EXPECT_EQ(json["machine"]["read_bytes_per_second"], 2e9);
  EXPECT_EQ(json["machine"]["read_bandwidth"].size(), 2U);
  EXPECT_EQ(json["results"][0]["test"], "pp8");
  EXPECT_EQ(json["results"][0]["limit"], "macs");
  EXPECT_FALSE(json["results"][0].contains("profile"));
  EXPECT_EQ(json["results"][1]["test"], "tg8");
  EXPECT_EQ(json["results"][1]["depth"], 16);
  EXPECT_EQ(json["results"][1]["batch"], 2);
  EXPECT_EQ(json["results"][1]["tokens_per_second"], 20);
  EXPECT_EQ(json["results"][1]["share_of_limit"], 0.5);
  EXPECT_EQ(json["results"][1]["profile"]["phases"][1]["macs"], 2e9);

  EXPECT_THAT(machine_text(machine), HasSubstr("memory reads 2.0 GB/s, int8 dot products 3 GMAC/s"));
  EXPECT_THAT(results_text(results), HasSubstr("tg8"));
  const std::string table = profile_text(profiled);
  EXPECT_LT(table.find("lm_head"), table.find("norm"));
  EXPECT_THAT(table, HasSubstr("between operations"));
  EXPECT_THAT(table, HasSubstr("7 regions: 10.00 ms, 1.0 %; 1 sleeps"));
}

// The whole way on a tiny model. What a test costs is known: 5 layers of it are products of fixed shapes.
class ModelBenchTest : public testing::Test {
 protected:
  void SetUp() override {
    Settings settings;
    settings.threads = 2;
    auto model = EvaluationModel::open(
        (std::filesystem::path(HEARTH_TEST_DATA) / "models/stories260K.gguf").string(), settings);
    ASSERT_TRUE(model) << model.error().message;
    model_ = std::move(*model);
    auto bench = ModelBench::create(*model_, {PageSize::kHuge, 2, &read_loops()[0], 0},
                                    {.repetitions = 2, .profile = true});
    ASSERT_TRUE(bench) << bench.error().message;
    bench_.emplace(std::move(*bench));
  }

  double layer_weights() const {
    double n = 0;
    for (const model::LayerWeights& layer : model_->model().weights().layers) {
      for (const model::Linear& product :
           {layer.q, layer.k, layer.v, layer.attn_output, layer.gate, layer.up, layer.down})
        n += static_cast<double>(product.weight.n_in * product.weight.n_out);
    }
    return n;
  }
  double heads_width() const {
    return static_cast<double>(model_->model().config().layers[0].n_heads *
                               model_->model().config().layers[0].head_dim);
  }

  std::unique_ptr<EvaluationModel> model_;
  std::optional<ModelBench> bench_;
};

TEST_F(ModelBenchTest, WritesWithSeveralSequencesInADeepContext) {
  ASSERT_TRUE(bench_->prepare(3, 120));
  const auto result = bench_->run({BenchTest::Kind::kGenerate, 8, 100, 3});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->tokens_per_second.size(), 2U);
  EXPECT_GT(*result->share_of_limit(), 0);
  const auto& weights = model_->model().weights();
  const double output = static_cast<double>(weights.output.n_in * weights.output.n_out);
  const double attention = 5 * 2 * heads_width() * 105;  // the fifth of eight steps
  EXPECT_EQ(result->per_token.macs, layer_weights() + output + attention);
  ASSERT_TRUE(result->profile);
  EXPECT_GT(result->profile->seconds, 0);
  EXPECT_EQ(result->profile->phases.front().name, "embed");
}

TEST_F(ModelBenchTest, APromptNeedsLogitsOfItsLastTokenOnly) {
  ASSERT_TRUE(bench_->prepare(2, 300));
  const auto result = bench_->run({BenchTest::Kind::kPrompt, 300, 0, 2});
  ASSERT_TRUE(result) << result.error().message;
  const auto& weights = model_->model().weights();
  const model::LayerWeights& last = weights.layers.back();
  double last_layer = 0;  // of which a row behind the stored keys and values needs nothing
  for (const model::Linear& product : {last.q, last.attn_output, last.gate, last.up, last.down})
    last_layer += static_cast<double>(product.weight.n_in * product.weight.n_out);
  const double output = static_cast<double>(weights.output.n_in * weights.output.n_out);
  const double attention = 2 * heads_width() * (4 * (300.0 * 301 / 2) + 300);
  EXPECT_NEAR(result->per_token.macs, layer_weights() - last_layer + (last_layer + output + attention) / 300,
              1e-6);
}

TEST_F(ModelBenchTest, RefusesWhatDoesNotFitInMemory) {
  const auto refused = bench_->prepare(256, int64_t{1} << 24);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().category, ErrorCategory::kOverloaded);
  EXPECT_THAT(refused.error().message, HasSubstr("256 sequences"));
}

}  // namespace
}  // namespace hearth::app
