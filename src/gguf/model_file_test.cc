#include "gguf/model_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <fstream>
#include <random>

#include "gguf/header.h"
#include "gguf/test_file.h"
#include "gguf/writer.h"
#include "support.h"

namespace hearth::gguf {
namespace {

using kernels::DType;
using ::testing::HasSubstr;
using testing::TestFile;

class ModelFileTest : public ::testing::Test {
 protected:
  ModelFileTest() {
    folder_ = std::filesystem::temp_directory_path() /
              ("hearth-gguf-" + std::to_string(::getpid()) + "-" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
  }
  ~ModelFileTest() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path put(const std::string& name, const std::string& bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return folder_ / name;
  }

  // Part `number` (from 0) of `count`, with one tensor "t<number>" that holds its number.
  std::string shard(uint16_t number, uint16_t count, int32_t n_tensors) {
    TestFile file;
    if (number == 0) file.string("general.architecture", "llama");
    file.entry("split.no", ValueType::kUint16, TestFile::raw(number));
    file.entry("split.count", ValueType::kUint16, TestFile::raw(count));
    file.entry("split.tensors.count", ValueType::kInt32, TestFile::raw(n_tensors));
    file.tensor("t" + std::to_string(number), {8}, 0, 0);
    file.data.assign(32, static_cast<char>('0' + number));
    return file.bytes();
  }

  void expect_error(const std::filesystem::path& path, ErrorCategory category, std::string_view message) {
    const auto file = ModelFile::open(path);
    ASSERT_FALSE(file.has_value()) << "expected: " << message;
    EXPECT_EQ(file.error().category, category) << file.error().message;
    EXPECT_THAT(file.error().message, HasSubstr(std::string(message)));
  }

  std::filesystem::path folder_;
};

TEST_F(ModelFileTest, OpensARealModel) {
  const auto file = ModelFile::open(hearth::testing_support::test_data("models/stories260K.gguf"));
  ASSERT_TRUE(file.has_value()) << file.error().message;
  EXPECT_EQ(*file->metadata().get_uint("llama.block_count"), 5u);
  EXPECT_EQ((*file->metadata().get_string_array("tokenizer.ggml.tokens"))->size(), 512u);
  const TensorInfo* down = file->find_tensor("blk.0.ffn_down.weight");
  ASSERT_NE(down, nullptr);
  EXPECT_EQ(down->shape_string(), "172 x 64");
  EXPECT_EQ(file->find_tensor("blk.0.ffn_down"), nullptr);
  EXPECT_EQ(file->tensors().size(), 47u);
  EXPECT_FALSE(file->damaged());
}

TEST_F(ModelFileTest, OpensALargeVocabularyQuickly) {
  const auto path = hearth::testing_support::reference_set("vocabularies/ggml-vocab-gemma-4.gguf");
  HEARTH_NEEDS(path);
  ASSERT_TRUE(ModelFile::open(path).has_value());  // the page cache is warm from here on
  const auto start = std::chrono::steady_clock::now();
  const auto file = ModelFile::open(path);
  const auto taken = std::chrono::steady_clock::now() - start;
  EXPECT_EQ((*file->metadata().get_string_array("tokenizer.ggml.tokens"))->size(), 262144u);
  // Some 10 ms in a release build; the bound leaves room for sanitizers.
  EXPECT_LT(taken, std::chrono::seconds(2));
}

TEST_F(ModelFileTest, ErrorsNameTheFile) {
  expect_error(put("bad.gguf", "GGUX0000"), ErrorCategory::kCorrupt,
               (folder_ / "bad.gguf: not a GGUF file").string());
  expect_error(folder_ / "none.gguf", ErrorCategory::kNotFound, "none.gguf");
}

TEST_F(ModelFileTest, RefusesWhatIsNoRegularFile) {
  expect_error("/dev/zero", ErrorCategory::kInvalidArgument, "not a regular file");
  expect_error(folder_, ErrorCategory::kInvalidArgument, "not a regular file");
  ASSERT_EQ(::mkfifo((folder_ / "fifo.gguf").c_str(), 0600), 0);
  expect_error(folder_ / "fifo.gguf", ErrorCategory::kInvalidArgument, "not a regular file");
  std::filesystem::create_symlink("loop.gguf", folder_ / "loop.gguf");
  expect_error(folder_ / "loop.gguf", ErrorCategory::kIo, "loop.gguf");
}

TEST_F(ModelFileTest, EveryTruncationOfARealModelIsRefused) {
  const auto whole = MappedFile::open(hearth::testing_support::test_data("models/stories260K.gguf"));
  ASSERT_TRUE(whole.has_value());
  const auto bytes = whole->bytes();
  for (size_t n = 0; n <= 64 << 10; ++n) ASSERT_FALSE(parse_header(bytes.first(n)).has_value()) << n;
  std::mt19937 random(2);
  for (int round = 0; round < 1000; ++round) {
    const size_t n = random() % bytes.size();
    ASSERT_FALSE(parse_header(bytes.first(n)).has_value()) << n;
  }
}

TEST_F(ModelFileTest, CutFilesAreRefusedWithTheirName) {
  const std::string whole = testing::small_file().bytes();
  for (size_t n = 0; n < whole.size(); n += 7) {
    expect_error(put("cut.gguf", whole.substr(0, n)), ErrorCategory::kCorrupt, "cut.gguf: ");
  }
}

TEST_F(ModelFileTest, OpensShardsFromAnyOfThem) {
  for (uint16_t i = 0; i < 3; ++i) put("m-0000" + std::to_string(i + 1) + "-of-00003.gguf", shard(i, 3, 3));
  for (int i = 1; i <= 3; ++i) {
    const auto file = ModelFile::open(folder_ / ("m-0000" + std::to_string(i) + "-of-00003.gguf"));
    ASSERT_TRUE(file.has_value()) << file.error().message;
    EXPECT_EQ(file->shards().size(), 3u);
    EXPECT_EQ(*file->metadata().get_string("general.architecture"), "llama");
    ASSERT_EQ(file->tensors().size(), 3u);
    for (int t = 0; t < 3; ++t) {
      EXPECT_EQ(file->tensors()[t].name, "t" + std::to_string(t));
      EXPECT_EQ(static_cast<char>(file->find_tensor("t" + std::to_string(t))->bytes[0]), '0' + t);
    }
    EXPECT_EQ(file->size_bytes(), file->shards()[0].bytes().size() + 2 * file->shards()[1].bytes().size());
  }
}

TEST_F(ModelFileTest, TheEndingOfShardsMayBeInCapitals) {
  for (uint16_t i = 0; i < 2; ++i) put("m-0000" + std::to_string(i + 1) + "-of-00002.GGUF", shard(i, 2, 2));
  const auto file = ModelFile::open(folder_ / "m-00002-of-00002.GGUF");
  ASSERT_TRUE(file.has_value()) << file.error().message;
  EXPECT_EQ(file->shards().size(), 2u);
}

TEST_F(ModelFileTest, NamesTheMissingShard) {
  const auto first = put("m-00001-of-00002.gguf", shard(0, 2, 2));
  expect_error(first, ErrorCategory::kNotFound, "m-00002-of-00002.gguf: part 2 of 2 of the model is missing");
}

TEST_F(ModelFileTest, RefusesForeignShards) {
  const auto first = put("m-00001-of-00002.gguf", shard(0, 2, 2));
  put("m-00002-of-00002.gguf", shard(1, 2, 7));
  expect_error(first, ErrorCategory::kCorrupt, "m-00002-of-00002.gguf: is part 2 of 2 with 7 tensors in all");
  put("m-00002-of-00002.gguf", shard(1, 3, 2));
  expect_error(first, ErrorCategory::kCorrupt,
               "is part 2 of 3 with 2 tensors in all, not part 2 of 2 of this model");
  put("m-00002-of-00002.gguf", shard(0, 2, 2));
  expect_error(first, ErrorCategory::kCorrupt, "is part 1 of 2");
  put("m-00002-of-00002.gguf", testing::small_file().bytes());
  expect_error(first, ErrorCategory::kCorrupt, "is a model of its own, not part 2 of 2");
  put("m-00002-of-00002.gguf", "garbage");
  expect_error(first, ErrorCategory::kCorrupt, "m-00002-of-00002.gguf: not a GGUF file");
}

TEST_F(ModelFileTest, RefusesShardsThatDoNotAddUp) {
  const auto first = put("m-00001-of-00002.gguf", shard(0, 2, 5));
  put("m-00002-of-00002.gguf", shard(1, 2, 5));
  expect_error(first, ErrorCategory::kCorrupt, "the parts hold 2 tensors where split.tensors.count says 5");
}

TEST_F(ModelFileTest, RefusesTheSameTensorInTwoShards) {
  const auto first = put("m-00001-of-00002.gguf", shard(0, 2, 2));
  std::string second = shard(1, 2, 2);
  second.replace(second.rfind("t1"), 2, "t0");
  put("m-00002-of-00002.gguf", second);
  expect_error(first, ErrorCategory::kCorrupt, "tensor t0 appears twice");
}

TEST_F(ModelFileTest, ShardsMustBeNamedAsSuch) {
  expect_error(put("renamed.gguf", shard(0, 2, 2)), ErrorCategory::kInvalidArgument,
               "part 1 of 2 must be named PREFIX-00001-of-00002.gguf");
  expect_error(put("m-00002-of-00002.gguf", shard(0, 2, 2)), ErrorCategory::kInvalidArgument,
               "part 1 of 2 must be");
}

TEST_F(ModelFileTest, RefusesAbsurdSplitKeys) {
  expect_error(put("m-00001-of-60000.gguf", shard(0, 60000, 2)), ErrorCategory::kCorrupt,
               "key split.count is 60000; the limit is 1024");
  expect_error(put("m-00003-of-00002.gguf", shard(2, 2, 2)), ErrorCategory::kCorrupt,
               "key split.no is 2 of 2 parts");
}

TEST_F(ModelFileTest, RefusesDuplicateTensors) {
  TestFile file;
  file.tensor("t", {8}, 0, 0).tensor("t", {8}, 0, 32);
  file.data.assign(64, 'x');
  expect_error(put("twice.gguf", file.bytes()), ErrorCategory::kCorrupt, "tensor t appears twice");
}

}  // namespace
}  // namespace hearth::gguf
