#include "gguf/writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <limits>

#include "gguf/test_file.h"

namespace hearth::gguf {
namespace {

using kernels::DType;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class WriterTest : public ::testing::Test {
 protected:
  WriterTest() {
    folder_ = std::filesystem::temp_directory_path() / ("hearth-writer-" + std::to_string(::getpid()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    path_ = folder_ / "model.gguf";
  }
  ~WriterTest() override { std::filesystem::remove_all(folder_); }

  // Writes tensors whose bytes all are 'a' + index.
  Status write(const GgufWriter& writer, std::vector<uint64_t> bytes) {
    return writer.write(path_, [&](size_t index, TensorSink& sink) {
      return sink.write(std::vector<std::byte>(bytes[index], static_cast<std::byte>('a' + index)));
    });
  }

  size_t files_in_folder() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder_), {}));
  }

  void expect_refused(const GgufWriter& writer, std::vector<uint64_t> bytes, std::string_view message) {
    const auto status = write(writer, std::move(bytes));
    ASSERT_FALSE(status.has_value()) << "expected: " << message;
    EXPECT_EQ(status.error().category, ErrorCategory::kInvalidArgument);
    EXPECT_THAT(status.error().message, HasSubstr(std::string(message)));
    EXPECT_EQ(files_in_folder(), 0u);
  }

  std::filesystem::path folder_;
  std::filesystem::path path_;
};

TEST_F(WriterTest, WhatIsWrittenReadsBack) {
  GgufWriter writer;
  writer.add_string("general.architecture", "llama");
  writer.add_uint32("u32", 7);
  writer.add_uint64("u64", std::numeric_limits<uint64_t>::max());
  writer.add_float("f32", 0.25f);
  writer.add_bool("yes", true);
  writer.add_int_array("ints", std::vector<int32_t>{-1, 2});
  writer.add_float_array("floats", std::vector<float>{1.5f});
  writer.add_bool_array("bools", {true, false, true});
  writer.add_string_array("strings", std::vector<std::string_view>{"x", "", "a long one"});
  writer.add_tensor("a.weight", DType::kF32, {3});
  writer.add_tensor("b.weight", DType::kQ4_K, {256, 3});
  writer.add_tensor("c.weight", DType::kF16, {2, 2, 2});
  ASSERT_TRUE(write(writer, {12, 432, 16}).has_value());

  const auto file = ModelFile::open(path_);
  ASSERT_TRUE(file.has_value()) << file.error().message;
  EXPECT_EQ(file->version(), 3u);
  EXPECT_EQ(std::filesystem::file_size(path_), writer.size_bytes());
  const Metadata& metadata = file->metadata();
  EXPECT_EQ(*metadata.get_uint("u64"), std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(*metadata.get_float("f32"), 0.25);
  EXPECT_EQ(*metadata.get_bool("yes"), true);
  EXPECT_THAT(**metadata.get_int_array("ints"), ElementsAre(-1, 2));
  EXPECT_THAT(**metadata.get_float_array("floats"), ElementsAre(1.5f));
  EXPECT_THAT(**metadata.get_int_array("bools"), ElementsAre(1, 0, 1));
  EXPECT_THAT(**metadata.get_string_array("strings"), ElementsAre("x", "", "a long one"));

  // Offsets are the sums of padded sizes, and nothing follows the last padding.
  const auto tensors = file->tensors();
  ASSERT_EQ(tensors.size(), 3u);
  EXPECT_EQ(tensors[1].bytes.data() - tensors[0].bytes.data(), 32);
  EXPECT_EQ(tensors[2].bytes.data() - tensors[1].bytes.data(), 448);
  EXPECT_EQ(file->shards()[0].bytes().data() + file->size_bytes(), tensors[2].bytes.data() + 32);
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(tensors[i].bytes, ::testing::Each(static_cast<std::byte>('a' + i)));
  }
}

TEST_F(WriterTest, CopiesEveryKindOfEntry) {
  const auto source_path = folder_ / "source.gguf";
  std::ofstream(source_path, std::ios::binary) << testing::small_file().bytes();
  const auto source = ModelFile::open(source_path);
  ASSERT_TRUE(source.has_value());
  GgufWriter writer;
  for (const MetadataEntry& entry : source->metadata().entries()) writer.copy(entry);
  for (const TensorInfo& tensor : source->tensors()) {
    writer.add_tensor(tensor.name, tensor.dtype, std::span(tensor.dims).first(tensor.n_dims));
  }
  ASSERT_TRUE(writer.write(
      path_, [&](size_t i, TensorSink& sink) { return sink.write(source->tensors()[i].bytes); }));

  // The source is written as this writer would, but for the padding of its last tensor.
  std::ifstream in(path_, std::ios::binary);
  std::string copied((std::istreambuf_iterator<char>(in)), {});
  const std::string original = testing::small_file().bytes();
  ASSERT_GE(copied.size(), original.size());
  EXPECT_EQ(copied.substr(0, original.size()), original);
}

TEST_F(WriterTest, PiecesOfAnySizeMakeATensor) {
  GgufWriter writer;
  writer.add_tensor("t", DType::kF32, {1 << 20});
  ASSERT_TRUE(writer.write(path_, [&](size_t, TensorSink& sink) -> Status {
    const std::vector<std::byte> piece(1000, std::byte{1});
    for (uint64_t left = 4 << 20; left > 0;) {
      const auto n = std::min<uint64_t>(left, piece.size());
      HEARTH_CHECK_OK(sink.write(std::span(piece).first(n)));
      left -= n;
    }
    return {};
  }));
  const auto file = ModelFile::open(path_);
  ASSERT_TRUE(file.has_value()) << file.error().message;
  EXPECT_THAT(file->tensors()[0].bytes, ::testing::Each(std::byte{1}));
}

TEST_F(WriterTest, RefusesWhatMakesNoValidFile) {
  GgufWriter twice;
  twice.add_uint32("k", 1);
  twice.add_uint32("k", 2);
  expect_refused(twice, {}, "key k appears twice");

  GgufWriter names;
  names.add_tensor("t", DType::kF32, {1});
  names.add_tensor("t", DType::kF32, {1});
  expect_refused(names, {4, 4}, "tensor t appears twice");

  GgufWriter longer;
  longer.add_tensor(std::string(64, 'n'), DType::kF32, {1});
  expect_refused(longer, {4}, "the name is 64 bytes long; the limit is 63");

  GgufWriter partial;
  partial.add_tensor("t", DType::kQ4_K, {128});
  expect_refused(partial, {0}, "rows of 128 values are not whole blocks of 256 (Q4_K)");

  GgufWriter dims;
  dims.add_tensor("t", DType::kF32, {1, 1, 1, 1, 1});
  expect_refused(dims, {4}, "5 dimensions");
}

TEST_F(WriterTest, RefusesTheWrongAmountOfBytes) {
  GgufWriter writer;
  writer.add_tensor("t", DType::kF32, {8});
  expect_refused(writer, {31}, "tensor t: 31 of its 32 bytes");
  expect_refused(writer, {33}, "tensor t: more than its 32 bytes");
}

TEST_F(WriterTest, AFailedWriteLeavesTheOldFile) {
  std::ofstream(path_) << "old";
  GgufWriter writer;
  writer.add_tensor("t", DType::kF32, {8});
  const auto status = writer.write(
      path_, [](size_t, TensorSink&) -> Status { return fail(ErrorCategory::kCancelled, "stopped"); });
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().category, ErrorCategory::kCancelled);
  EXPECT_EQ(files_in_folder(), 1u);
  EXPECT_EQ(std::filesystem::file_size(path_), 3u);
}

TEST_F(WriterTest, AFullDiskIsOneClearErrorAndLeavesNothing) {
  // A limit on file size stands in for the disk: the same road through write(2).
  rlimit old = {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit small = old;
  small.rlim_cur = 2 << 20;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  GgufWriter writer;
  writer.add_tensor("t", DType::kF32, {1 << 20});
  const auto status = write(writer, {4 << 20});
  ::setrlimit(RLIMIT_FSIZE, &old);
  ::signal(SIGXFSZ, old_handler);

  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().category, ErrorCategory::kIo);
  EXPECT_THAT(status.error().message, HasSubstr("model.gguf: cannot write"));
  EXPECT_EQ(files_in_folder(), 0u);
}

TEST_F(WriterTest, AFolderThatIsNotThereIsAnError) {
  const auto status =
      GgufWriter().write(folder_ / "none" / "m.gguf", [](size_t, TensorSink&) { return Status{}; });
  ASSERT_FALSE(status.has_value());
  EXPECT_THAT(status.error().message, HasSubstr("none/m.gguf: cannot create: No such file or directory"));
}

}  // namespace
}  // namespace hearth::gguf
