#include "serving/vocabulary_loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "gguf/writer.h"
#include "text/tokenizer.h"

namespace hearth::serving {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kTokens[] = {"<unk>", "<s>", "</s>", "a", "b", "ab"};
constexpr float kScores[] = {0, 0, 0, -1, -2, -3};
constexpr int32_t kTypes[] = {2, 3, 3, 1, 1, 1};

class VocabularyLoader : public ::testing::Test {
 protected:
  VocabularyLoader()
      : path_(std::filesystem::temp_directory_path() /
              ("hearth-vocabulary-" + std::to_string(::getpid()) + ".gguf")) {}
  ~VocabularyLoader() override { std::filesystem::remove(path_); }

  // The file that `fill` describes; empty, and a failure, if it cannot be written.
  std::unique_ptr<gguf::ModelFile> file(const std::function<void(gguf::GgufWriter&)>& fill) {
    gguf::GgufWriter writer;
    writer.add_string("general.architecture", "llama");
    fill(writer);
    const Status written = writer.write(path_, [](size_t, gguf::TensorSink&) -> Status { return {}; });
    EXPECT_TRUE(written) << written.error().message;
    auto opened = gguf::ModelFile::open(path_);
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? std::make_unique<gguf::ModelFile>(std::move(*opened)) : nullptr;
  }

  static void add_tokens(gguf::GgufWriter& writer) {
    writer.add_string("tokenizer.ggml.model", "llama");
    writer.add_string_array("tokenizer.ggml.tokens", kTokens);
  }

  void expect_error(const std::function<void(gguf::GgufWriter&)>& fill, std::string_view message) {
    const auto model = file(fill);
    ASSERT_NE(model, nullptr);
    const auto spec = read_vocabulary(*model);
    ASSERT_FALSE(spec) << message;
    EXPECT_EQ(spec.error().category, ErrorCategory::kCorrupt);
    EXPECT_THAT(spec.error().message, HasSubstr(message));
  }

  std::filesystem::path path_;
};

TEST_F(VocabularyLoader, ReadsWhatATokenizerNeeds) {
  const auto model = file([](gguf::GgufWriter& writer) {
    add_tokens(writer);
    writer.add_float_array("tokenizer.ggml.scores", kScores);
    writer.add_int_array("tokenizer.ggml.token_type", kTypes);
    writer.add_uint32("tokenizer.ggml.bos_token_id", 1);
    writer.add_uint32("tokenizer.ggml.eos_token_id", 2);
    writer.add_uint32("tokenizer.ggml.padding_token_id", UINT32_MAX);  // "none"
    writer.add_uint32("tokenizer.ggml.seperator_token_id", 2);
    writer.add_bool("tokenizer.ggml.add_space_prefix", false);
    writer.add_bool("tokenizer.ggml.add_eos_token", true);
    const int32_t suppressed[] = {3};
    writer.add_int_array("tokenizer.ggml.suppress_tokens", suppressed);
  });
  ASSERT_NE(model, nullptr);
  const auto spec = read_vocabulary(*model);
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->model, "llama");
  EXPECT_THAT(spec->tokens, testing::ElementsAreArray(kTokens));
  EXPECT_THAT(spec->scores, testing::ElementsAreArray(kScores));
  EXPECT_THAT(spec->types, testing::ElementsAreArray(kTypes));
  EXPECT_EQ(spec->bos, 1);
  EXPECT_EQ(spec->eos, 2);
  EXPECT_EQ(spec->separator, 2);
  EXPECT_EQ(spec->padding, std::nullopt);
  EXPECT_EQ(spec->unknown, std::nullopt);
  EXPECT_EQ(spec->add_space_prefix, false);
  EXPECT_EQ(spec->add_eos, true);
  EXPECT_EQ(spec->add_bos, std::nullopt);
  EXPECT_THAT(spec->suppressed, ElementsAre(3));

  const auto tokenizer = text::Tokenizer::create(*spec);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_THAT((*tokenizer)->encode("ab", {.add_special = true}), ElementsAre(1, 5, 2));
}

TEST_F(VocabularyLoader, NamesTheKeyAtFault) {
  expect_error([](gguf::GgufWriter&) {}, "tokenizer.ggml.model");
  expect_error([](gguf::GgufWriter& writer) { writer.add_string("tokenizer.ggml.model", "llama"); },
               "tokenizer.ggml.tokens");
  expect_error([](gguf::GgufWriter& writer) { writer.add_uint32("tokenizer.ggml.model", 1); },
               "tokenizer.ggml.model");
  expect_error(
      [](gguf::GgufWriter& writer) {
        writer.add_string("tokenizer.ggml.model", "llama");
        writer.add_float_array("tokenizer.ggml.tokens", kScores);
      },
      "tokenizer.ggml.tokens");
  expect_error(
      [](gguf::GgufWriter& writer) {
        add_tokens(writer);
        writer.add_string_array("tokenizer.ggml.scores", kTokens);
      },
      "tokenizer.ggml.scores");
  expect_error(
      [](gguf::GgufWriter& writer) {
        add_tokens(writer);
        writer.add_float_array("tokenizer.ggml.token_type", kScores);
      },
      "tokenizer.ggml.token_type");
  expect_error(
      [](gguf::GgufWriter& writer) {
        add_tokens(writer);
        writer.add_string("tokenizer.ggml.bos_token_id", "1");
      },
      "tokenizer.ggml.bos_token_id");
  expect_error(
      [](gguf::GgufWriter& writer) {
        add_tokens(writer);
        writer.add_uint64("tokenizer.ggml.eos_token_id", uint64_t{1} << 31);
      },
      "tokenizer.ggml.eos_token_id");
}

}  // namespace
}  // namespace hearth::serving
