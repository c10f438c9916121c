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

}  // namespace
}  // namespace hearth::catalogue
