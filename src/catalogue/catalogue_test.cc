// What follows from shapes alone is what the files of these shapes have.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "catalogue/known_models.h"
#include "catalogue/model_config_of.h"
#include "convert/quant_mix.h"
#include "gguf/model_file.h"
#include "kernels/kernels.h"
#include "model/families/family.h"
#include "serving/model_plan.h"
#include "synth/synthetic_model.h"
#include "tensor/cpu/cpu_backend.h"

namespace hearth::catalogue {
namespace {

serving::MemoryPlan plan(const model::ModelConfig& config) {
  static ThreadPool threads(2);
  serving::ModelPlanner planner(tensor::create_cpu_backend(*kernels::available_kernels().front(), threads));
  const auto planned =
      planner.plan(config, 0, {.context_length = std::min<int64_t>(config.context_length, 2000)});
  EXPECT_TRUE(planned) << planned.error().message;
  return planned->memory;
}

TEST(Catalogue, AShapeIsPlannedAsItsFileIs) {
  for (const std::string_view name : model_spec_names()) {
    if (!name.starts_with("tiny-")) continue;
    SCOPED_TRACE(name);
    const std::filesystem::path path =
        std::filesystem::path(testing::TempDir()) / fmt::format("{}.{}.gguf", name, getpid());
    ASSERT_TRUE(synth::write_synthetic_model({.spec = std::string(name), .output = path, .quant = "q8_0"}));
    const auto file = gguf::ModelFile::open(path);
    std::filesystem::remove(path);
    ASSERT_TRUE(file) << file.error().message;
    const auto read = model::read_config(*file);
    ASSERT_TRUE(read) << read.error().message;
    const model::ModelConfig known = config_of(*find_model_spec(name));
    const serving::MemoryPlan a = plan(*read), b = plan(known);
    EXPECT_EQ(a.kv_full_bytes, b.kv_full_bytes);
    EXPECT_EQ(a.kv_sliding_bytes, b.kv_sliding_bytes);
    EXPECT_EQ(a.activation_bytes, b.activation_bytes);
    EXPECT_EQ(a.logit_bytes, b.logit_bytes);
    EXPECT_EQ(a.scratch_bytes, b.scratch_bytes);
    EXPECT_EQ(a.embedder_bytes, b.embedder_bytes);
    EXPECT_EQ(read->last_kv_layer(), known.last_kv_layer());
  }
}

TEST(Catalogue, KnownModelsHaveShapesAndTypes) {
  const auto parsed = parse_known_models(known_models_json());
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(known_models().size(), parsed->size());
  std::set<std::string_view> names;
  for (const KnownModel& model : known_models()) {
    SCOPED_TRACE(model.name);
    EXPECT_TRUE(names.insert(model.name).second);
    const ModelSpec* spec = find_model_spec(model.shape);
    ASSERT_NE(spec, nullptr);
    EXPECT_EQ(spec->generates(), model.fitness.chat > 0);
    EXPECT_EQ(spec->generates(), model.fitness.embedding == 0);
    for (const std::string_view quant : model.quants) EXPECT_TRUE(convert::find_quant_mix(quant)) << quant;
    EXPECT_FALSE(model.quants.empty());
  }
}

TEST(Catalogue, ADamagedListSaysWhatIsWrong) {
  const auto parse = [](const std::string& members) {
    return parse_known_models(R"({"models":[{"name":"A","shape":"qwen3-0.6b","types":["q8_0"],"chat":1},{)" +
                              members + "}]}");
  };
  const std::string good = R"("shape":"qwen3-4b","types":["Q4_K_M","Q8_0"])";
  const auto models = parse(R"("name":"B","pull":"b:4b","reasoning":7,)" + good);
  ASSERT_TRUE(models) << models.error().message;
  ASSERT_EQ(models->size(), 2u);
  EXPECT_EQ((*models)[0].quants, std::vector<std::string>{"Q8_0"});
  EXPECT_EQ((*models)[1].pull, "b:4b");
  EXPECT_EQ((*models)[1].fitness.reasoning, 7);
  const auto expect_bad = [&](const std::string& members, const std::string& message) {
    const auto bad = parse(members);
    ASSERT_FALSE(bad) << members;
    EXPECT_EQ(bad.error().category, ErrorCategory::kCorrupt);
    EXPECT_NE(bad.error().message.find(message), std::string::npos) << bad.error().message;
  };
  expect_bad(good, "models[1] has no name");
  expect_bad(R"("name":3,)" + good, "models[1] has no name");
  expect_bad(R"("name":"A",)" + good, "A comes twice");
  expect_bad(R"("name":"B","speed":3,)" + good, "B: speed is no member");
  expect_bad(R"("name":"B","chat":101,)" + good, "B: chat");
  expect_bad(R"("name":"B","chat":"much",)" + good, "B: chat");
  expect_bad(R"("name":"B","types":["Q8_0"],"shape":"round")", "B: there is no shape \"round\"");
  expect_bad(R"("name":"B","shape":"qwen3-4b")", "B: types");
  expect_bad(R"("name":"B","shape":"qwen3-4b","types":["Q9"])", "B: quantisation Q9 is unknown");
  EXPECT_FALSE(parse_known_models("[]"));
  EXPECT_FALSE(parse_known_models("{\"models\":"));
  EXPECT_FALSE(parse_known_models(R"({"models":[3]})"));
}

}  // namespace
}  // namespace hearth::catalogue
