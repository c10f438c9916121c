#include "synth/synthetic_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <set>

#include "convert/quant_mix.h"
#include "gguf/model_file.h"
#include "catalogue/model_spec.h"
#include "catalogue/tensor_list.h"
#include "synth/vocabulary.h"

namespace hearth::synth {

using namespace catalogue;
namespace {

using gguf::ModelFile;
using ::testing::HasSubstr;

class SyntheticModelTest : public ::testing::Test {
 protected:
  SyntheticModelTest() {
    folder_ = std::filesystem::temp_directory_path() / ("hearth-synth-" + std::to_string(::getpid()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~SyntheticModelTest() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path path(const std::string& name) const { return folder_ / name; }

  std::string write(const SynthOptions& options) {
    const auto written = write_synthetic_model(options);
    EXPECT_TRUE(written.has_value()) << written.error().message;
    std::ifstream in(options.output, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  void expect_refused(const SynthOptions& options, std::string_view message) {
    const auto written = write_synthetic_model(options);
    ASSERT_FALSE(written.has_value()) << message;
    EXPECT_THAT(written.error().message, HasSubstr(std::string(message)));
    EXPECT_FALSE(std::filesystem::exists(options.output));
  }

  std::filesystem::path folder_;
};

TEST_F(SyntheticModelTest, EverySmallModelOpensInEveryQuantisation) {
  for (std::string_view spec_name : model_spec_names()) {
    if (!spec_name.starts_with("tiny-")) continue;
    const ModelSpec& spec = *find_model_spec(spec_name);
    for (std::string_view quant : convert::quant_mix_names()) {
      const SynthOptions options = {
          .spec = std::string(spec_name), .output = path("m.gguf"), .quant = std::string(quant)};
      const std::string bytes = write(options);
      EXPECT_EQ(bytes.size(), *synthetic_model_bytes(options));
      const auto file = ModelFile::open(options.output);
      ASSERT_TRUE(file.has_value()) << spec_name << " " << quant << ": " << file.error().message;
      EXPECT_EQ(*file->metadata().get_string("general.architecture"), architecture_name(spec.architecture));
      const std::string prefix(architecture_name(spec.architecture));
      EXPECT_EQ(*file->metadata().get_uint(prefix + ".block_count"), spec.n_layers);
      EXPECT_EQ((*file->metadata().get_string_array("tokenizer.ggml.tokens"))->size(), spec.vocab);
      EXPECT_EQ((*file->metadata().get_float_array("tokenizer.ggml.scores"))->size(), spec.vocab);
      EXPECT_EQ(file->metadata().find("tokenizer.chat_template") != nullptr, spec.generates());
      EXPECT_EQ(file->tensors().size(), list_tensors(spec).size());
      EXPECT_EQ(file->find_tensor("token_embd.weight")->dims[1], spec.vocab);
    }
    EXPECT_LT(*synthetic_model_bytes({.spec = std::string(spec_name), .output = {}}), 2'600'000u)
        << spec_name;
  }
}

TEST_F(SyntheticModelTest, LargeModelsHaveThePublishedSizes) {
  const auto size = [](std::string spec, std::string quant) {
    return static_cast<double>(*synthetic_model_bytes({.spec = spec, .output = {}, .quant = quant})) / 1e9;
  };
  EXPECT_NEAR(size("gemma4-26b-a4b", "q4_k_m"), 16.8, 0.1);
  EXPECT_NEAR(size("gemma4-26b-a4b", "q4_0"), 14.4, 0.15);
  EXPECT_NEAR(size("gemma4-31b", "q4_0"), 17.6, 0.1);
  EXPECT_NEAR(size("gemma4-e2b", "q4_0"), 3.31, 0.04);
  EXPECT_NEAR(size("gemma4-e4b", "q4_0"), 5.10, 0.05);
  EXPECT_NEAR(size("llama-3.1-8b", "q4_k_m"), 4.92, 0.03);
  EXPECT_NEAR(size("llama-3.3-70b", "q4_k_m"), 42.5, 0.3);
}

TEST_F(SyntheticModelTest, TheSeedAloneDecidesTheBytes) {
  const std::string one = write({.spec = "tiny-gemma4-moe", .output = path("a"), .n_threads = 1});
  EXPECT_EQ(one, write({.spec = "tiny-gemma4-moe", .output = path("b"), .n_threads = 3}));
  EXPECT_NE(one, write({.spec = "tiny-gemma4-moe", .output = path("c"), .seed = 2}));
}

TEST_F(SyntheticModelTest, OptionsChangeTheShape) {
  write({.spec = "tiny-gemma4-e2b", .output = path("m"), .n_layers = 9, .context = 77});
  const auto file = ModelFile::open(path("m"));
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(*file->metadata().get_uint("gemma4.block_count"), 9u);
  EXPECT_EQ(*file->metadata().get_uint("gemma4.context_length"), 77u);
  EXPECT_EQ((*file->metadata().get_int_array("gemma4.attention.head_count_kv"))->size(), 9u);
  EXPECT_NE(file->find_tensor("blk.8.attn_q.weight"), nullptr);
  EXPECT_EQ(file->find_tensor("blk.8.attn_k.weight"), nullptr);
}

TEST_F(SyntheticModelTest, ShorterVocabulariesArePadded) {
  write({.spec = "tiny-llama", .output = path("source")});
  const SynthOptions options = {.spec = "llama-3.2-1b",
                                .output = path("m"),
                                .quant = "q2_k",
                                .n_layers = 1,
                                .vocabulary = path("source")};
  ASSERT_TRUE(write_synthetic_model(options).has_value());
  const auto file = ModelFile::open(path("m"));
  ASSERT_TRUE(file.has_value());
  const auto tokens = **file->metadata().get_string_array("tokenizer.ggml.tokens");
  const auto types = **file->metadata().get_int_array("tokenizer.ggml.token_type");
  ASSERT_EQ(tokens.size(), 128256u);
  ASSERT_EQ(types.size(), tokens.size());
  EXPECT_EQ(tokens[0], "<unk>");
  EXPECT_EQ(tokens[512], "[UNUSED_0]");
  EXPECT_EQ(types[511], 1);
  EXPECT_EQ(types[512], 5);
  EXPECT_EQ((*file->metadata().get_float_array("tokenizer.ggml.scores"))->size(), tokens.size());
}

TEST_F(SyntheticModelTest, LargerVocabulariesWin) {
  write({.spec = "llama-3.2-1b", .output = path("source"), .quant = "q2_k", .n_layers = 1});
  write({.spec = "tiny-qwen3", .output = path("m"), .vocabulary = path("source")});
  const auto file = ModelFile::open(path("m"));
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(file->find_tensor("token_embd.weight")->dims[1], 128256u);
  EXPECT_EQ((*file->metadata().get_string_array("tokenizer.ggml.tokens"))->size(), 128256u);
}

TEST_F(SyntheticModelTest, RefusesWhatItCannotDo) {
  expect_refused({.spec = "llama-9", .output = path("m")},
                 "model llama-9 is unknown; there are llama-3.1-8b");
  expect_refused({.spec = "tiny-llama", .output = path("m"), .quant = "q1"}, "quantisation q1 is unknown");
  expect_refused({.spec = "tiny-llama", .output = path("m"), .n_layers = 0}, "0 layers");
  expect_refused({.spec = "tiny-llama", .output = path("m"), .context = 0}, "a context of 0");
  expect_refused({.spec = "tiny-llama", .output = path("m"), .vocabulary = path("none")}, "No such file");
  expect_refused({.spec = "tiny-llama", .output = path("none") / "m"}, "none: ");
  expect_refused({.spec = "llama-3.3-70b", .output = path("m"), .quant = "f32", .n_layers = 1000},
                 "GB are needed and ");
}

TEST(MadeUpVocabulary, EveryMergeIsTwoEarlierPieces) {
  std::set<std::string, std::less<>> pieces = {"_"};
  for (char c = '!'; c <= '~'; ++c) pieces.insert(std::string(1, c));
  const auto merges = made_up_merges();
  EXPECT_EQ(merges.size(), 158u);
  for (std::string_view merge : merges) {
    bool reachable = false;
    for (size_t i = 1; i < merge.size(); ++i) {
      reachable |= pieces.contains(merge.substr(0, i)) && pieces.contains(merge.substr(i));
    }
    EXPECT_TRUE(reachable) << merge;
    EXPECT_TRUE(pieces.insert(std::string(merge)).second) << merge << " appears twice";
  }
}

}  // namespace
}  // namespace hearth::synth
