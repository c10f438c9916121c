// Encoders against a trusted engine: vectors of one sentence by llama.cpp v0.5.0 (CPU) for the synthetic
// models that `hearth-synth NAME OUT --quant f32` writes. tests/parity/encoder_vectors.txt holds, for each
// model, its name on one line and its unit vector on the next.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <future>
#include <sstream>

#include "engine/embedder.h"
#include "kernels/kernels.h"
#include "serving/text_model.h"
#include "synth/synthetic_model.h"
#include "tensor/cpu/cpu_backend.h"

namespace hearth {
namespace {

constexpr std::string_view kSentence = "the cat sat on the mat and looked at the sea";

class OneVector : public engine::EmbedSink {
 public:
  void on_vector(size_t, std::vector<float> values) override { vector = std::move(values); }
  void on_end(const engine::EmbedEnd& end) override { ended.set_value(end); }

  std::vector<float> vector;
  std::promise<engine::EmbedEnd> ended;
};

class Encoder : public testing::TestWithParam<std::string> {};

std::vector<float> expected_vector(const std::string& model) {
  std::ifstream file(std::filesystem::path(HEARTH_TEST_DATA) / "../parity/encoder_vectors.txt");
  std::string name, line;
  while (std::getline(file, name) && std::getline(file, line)) {
    if (name != model) continue;
    std::istringstream numbers(line);
    std::vector<float> values;
    for (float value; numbers >> value;) values.push_back(value);
    return values;
  }
  return {};
}

TEST_P(Encoder, MatchesTheTrustedEngine) {
  const std::vector<float> expected = expected_vector(GetParam());
  ASSERT_FALSE(expected.empty());
  const std::filesystem::path path =
      std::filesystem::path(testing::TempDir()) / (GetParam() + "." + std::to_string(getpid()) + ".gguf");
  ASSERT_TRUE(synth::write_synthetic_model({.spec = GetParam(), .output = path, .quant = "f32"}));
  {
    const auto file = gguf::ModelFile::open(path);
    ASSERT_TRUE(file) << file.error().message;
    const auto model = model::Model::load(*file);
    ASSERT_TRUE(model) << model.error().message;
    const auto words = serving::TextModel::open(*file);
    ASSERT_TRUE(words) << words.error().message;
    const auto tokens = (*words)->tokenizer().encode(kSentence, {.add_special = true});
    ThreadPool pool(2);
    for (const kernels::KernelTable* table : kernels::available_kernels()) {
      const auto embedder =
          engine::Embedder::create(**model, tensor::create_cpu_backend(*table, pool), {.context_length = 64});
      ASSERT_TRUE(embedder) << embedder.error().message;
      auto sink = std::make_shared<OneVector>();
      ASSERT_TRUE((*embedder)->submit({.texts = {{tokens}}, .sink = sink}));
      const auto end = sink->ended.get_future().get();
      ASSERT_FALSE(end.error) << end.error->message;
      const std::vector<float>& vector = sink->vector;
      ASSERT_EQ(vector.size(), expected.size());
      double dot = 0, largest = 0;
      for (size_t i = 0; i < expected.size(); ++i) {
        dot += static_cast<double>(vector[i]) * static_cast<double>(expected[i]);
        largest = std::max(largest, std::abs(static_cast<double>(vector[i] - expected[i])));
      }
      EXPECT_GT(dot, 0.999999) << table->name;
      EXPECT_LT(largest, 5e-4) << table->name;
    }
  }
  std::filesystem::remove(path);
}

INSTANTIATE_TEST_SUITE_P(All, Encoder,
                         testing::Values("tiny-bert", "tiny-nomic-bert", "tiny-gemma-embedding"));

}  // namespace
}  // namespace hearth
