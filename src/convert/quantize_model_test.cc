// Whole files: types by the mix, metadata, experts with an importance matrix, and what is refused.
#include "convert/quantize_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <random>

#include "gguf/test_file.h"
#include "kernels/kernels.h"

namespace hearth::convert {
namespace {

using gguf::GgufWriter;
using gguf::ModelFile;
using kernels::DType;
using testing::HasSubstr;
using Dims = std::vector<uint64_t>;

class QuantizeModelTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) / ("quantize_" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path path(const std::string& name) const { return folder_ / name; }

  struct Tensor {
    std::string name;
    Dims dims;
    std::vector<float> values = {};  // random ones without
  };

  // A float32 file; kStack has two experts.
  static constexpr const char* kStack = "blk.0.ffn_gate_exps.weight";
  void write_source(const std::string& name, std::vector<Tensor> tensors, int part = -1) const {
    GgufWriter writer;
    if (part <= 0) {
      writer.add_string("general.architecture", "qwen3moe");
      writer.add_string("general.name", "a model");
      writer.add_uint32("general.file_type", 0);
      writer.add_uint32("qwen3moe.block_count", 2);
      writer.add_uint32("qwen3moe.attention.head_count", 8);
      writer.add_uint32("qwen3moe.attention.head_count_kv", 2);
    }
    if (part >= 0) {
      writer.add_uint32("split.no", static_cast<uint32_t>(part));
      writer.add_uint32("split.count", 2);
    }
    for (const Tensor& tensor : tensors) writer.add_tensor(tensor.name, DType::kF32, tensor.dims);
    const auto written = writer.write(path(name), [&](size_t index, gguf::TensorSink& sink) {
      Tensor& tensor = tensors[index];
      std::mt19937 random(static_cast<unsigned>(index) + 1);
      std::normal_distribution<float> normal(0, 0.05f);
      size_t n = 1;
      for (const uint64_t dim : tensor.dims) n *= dim;
      while (tensor.values.size() < n) tensor.values.push_back(normal(random));
      return sink.write(std::as_bytes(std::span(tensor.values)));
    });
    ASSERT_TRUE(written) << written.error().message;
  }
  void write_source(const std::string& name) const {
    write_source(name, {{"token_embd.weight", {256, 32}},
                        {"output.weight", {256, 32}},
                        {"output_norm.weight", {256}},
                        {"blk.0.attn_q.weight", {256, 64}},
                        {"blk.0.attn_v.weight", {256, 16}},
                        {"blk.0.ffn_gate_inp.weight", {256, 2}},
                        {kStack, {256, 4, 2}},
                        {"blk.0.ffn_down_exps.weight", {96, 256, 2}}});
  }

  // in_sum2 and counts of one stack of two experts.
  void write_importance(const std::string& name, const std::vector<float>& sums,
                        const std::vector<float>& counts, const std::string& tensor = kStack) const {
    GgufWriter writer;
    writer.add_string("general.type", "imatrix");
    writer.add_tensor(tensor + ".in_sum2", DType::kF32, {sums.size() / counts.size(), counts.size()});
    writer.add_tensor(tensor + ".counts", DType::kF32, {1, counts.size()});
    ASSERT_TRUE(writer.write(path(name), [&](size_t index, gguf::TensorSink& sink) {
      return sink.write(std::as_bytes(std::span(index == 0 ? sums : counts)));
    }));
  }

  Status quantize(const std::string& in, const std::string& out, std::string_view type,
                  const ImportanceMatrix* importance = nullptr, QuantizeProgress progress = {}) {
    HEARTH_TRY(const auto mix, find_quant_mix(type));
    HEARTH_TRY(const auto file, ModelFile::open(path(in)));
    HEARTH_TRY(auto source, ModelSource::of(file));
    HEARTH_TRY(const auto plan, QuantizePlan::make(std::move(source), mix, importance));
    notices_ = plan.notices();
    planned_bytes_ = plan.output_bytes();
    return plan.write(path(out), threads_, progress);
  }
  void expect_refused(const Status& status, ErrorCategory category, std::string_view message) {
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().category, category) << status.error().message;
    EXPECT_THAT(status.error().message, HasSubstr(std::string(message)));
  }
  size_t n_files() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder_), {}));
  }

  std::filesystem::path folder_;
  ThreadPool threads_{3};
  std::vector<std::string> notices_;
  uint64_t planned_bytes_ = 0;
};

TEST_F(QuantizeModelTest, TypesByTheMixAndMetadataCarriedOver) {
  write_source("in.gguf");
  ASSERT_TRUE(quantize("in.gguf", "out.gguf", "q4_k_m"));
  EXPECT_EQ(std::filesystem::file_size(path("out.gguf")), planned_bytes_);
  const auto file = ModelFile::open(path("out.gguf"));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->find_tensor("token_embd.weight")->dtype, DType::kQ4_K);
  EXPECT_EQ(file->find_tensor("output.weight")->dtype, DType::kQ6_K);
  EXPECT_EQ(file->find_tensor("output_norm.weight")->dtype, DType::kF32);
  EXPECT_EQ(file->find_tensor("blk.0.ffn_gate_inp.weight")->dtype, DType::kF32);
  EXPECT_EQ(file->find_tensor(kStack)->dtype, DType::kQ4_K);
  EXPECT_EQ(file->find_tensor("blk.0.ffn_down_exps.weight")->dtype, DType::kQ5_0);
  EXPECT_EQ(*file->metadata().get_string("general.name"), "a model");
  EXPECT_EQ(*file->metadata().get_uint("general.file_type"), 15u);
  EXPECT_EQ(*file->metadata().get_uint("general.quantization_version"), 2u);
  ASSERT_EQ(notices_.size(), 1u);
  EXPECT_THAT(notices_[0], HasSubstr("1 matrices have rows that the blocks of Q4_K_M do not divide"));
}

TEST_F(QuantizeModelTest, ThreadsDoNotChangeTheFile) {
  write_source("in.gguf");
  ASSERT_TRUE(quantize("in.gguf", "three.gguf", "Q3_K_M"));
  ThreadPool one(1);
  const auto file = ModelFile::open(path("in.gguf"));
  ASSERT_TRUE(QuantizePlan::make(*ModelSource::of(*file), *find_quant_mix("Q3_K_M"), nullptr)
                  ->write(path("one.gguf"), one, {}));
  std::ifstream a(path("three.gguf"), std::ios::binary), b(path("one.gguf"), std::ios::binary);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(a), {}),
            std::string(std::istreambuf_iterator<char>(b), {}));
}

TEST_F(QuantizeModelTest, PartsBecomeOneFile) {
  write_source("m-00001-of-00002.gguf", {{"token_embd.weight", {256, 8}}}, 0);
  write_source("m-00002-of-00002.gguf", {{"output.weight", {256, 8}}}, 1);
  const auto status = quantize("m-00001-of-00002.gguf", "out.gguf", "Q8_0");
  ASSERT_TRUE(status) << status.error().message;
  const auto file = ModelFile::open(path("out.gguf"));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->tensors().size(), 2u);
  EXPECT_EQ(file->metadata().find("split.count"), nullptr);
}

TEST_F(QuantizeModelTest, AnImportanceMatrixIsReadAsItWasWritten) {
  const InputSums tensors[] = {{.tensor = kStack, .n_columns = 2, .sums = {3, 1, 0, 0}, .counts = {2, 0}},
                               {.tensor = "output.weight", .n_columns = 3, .sums = {1, 2, 3}, .counts = {4}}};
  ASSERT_TRUE(
      write_importance_matrix(path("i.gguf"), tensors, {.name = "text", .n_windows = 1, .window_tokens = 4}));
  const auto file = ModelFile::open(path("i.gguf"));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(*file->metadata().get_string("general.type"), "imatrix");
  EXPECT_EQ(*file->metadata().get_uint("imatrix.chunk_size"), 4u);
  const auto matrix = ImportanceMatrix::open(path("i.gguf"));
  ASSERT_TRUE(matrix) << matrix.error().message;
  EXPECT_EQ(matrix->size(), 2u);
  const auto used = *matrix->weights(kStack, 2, 2, 0), unused = *matrix->weights(kStack, 2, 2, 1);
  EXPECT_EQ(std::vector<float>(used.begin(), used.end()), (std::vector<float>{1.5f, 0.5f}));
  EXPECT_TRUE(unused.empty());
  expect_refused(write_importance_matrix(path("i.gguf"), tensors, {}), ErrorCategory::kInvalidArgument,
                 "exists");
}

TEST_F(QuantizeModelTest, JoiningKeepsTypes) {
  write_source("in.gguf");
  ASSERT_TRUE(quantize("in.gguf", "q4.gguf", "Q4_K_M"));
  const auto before = ModelFile::open(path("q4.gguf"));
  ASSERT_TRUE(before);
  ASSERT_TRUE(QuantizePlan::joined(*ModelSource::of(*before)).write(path("joined.gguf"), threads_, {}));
  const auto after = ModelFile::open(path("joined.gguf"));
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(*after->metadata().get_uint("general.file_type"), 15u);
  for (const gguf::TensorInfo& tensor : before->tensors()) {
    ASSERT_EQ(after->find_tensor(tensor.name)->dtype, tensor.dtype) << tensor.name;
    EXPECT_TRUE(std::ranges::equal(after->find_tensor(tensor.name)->bytes, tensor.bytes)) << tensor.name;
  }
}

TEST_F(QuantizeModelTest, AQuantisedSourceIsAllowedAndSaidSo) {
  write_source("in.gguf");
  ASSERT_TRUE(quantize("in.gguf", "q4.gguf", "Q4_0"));
  ASSERT_TRUE(quantize("q4.gguf", "q8.gguf", "Q8_0"));
  ASSERT_EQ(notices_.size(), 1u);
  EXPECT_THAT(notices_[0], HasSubstr("quantised already and lose precision a second time"));
  // To the types it has: the same bytes.
  ASSERT_TRUE(quantize("q4.gguf", "again.gguf", "Q4_0"));
  EXPECT_TRUE(notices_.empty());
  EXPECT_EQ(std::filesystem::file_size(path("again.gguf")), std::filesystem::file_size(path("q4.gguf")));
}

TEST_F(QuantizeModelTest, ImportanceOfEachExpertWeighsItsColumns) {
  // Expert 0: only the first columns count; nothing is known of expert 1.
  write_source("in.gguf");
  std::vector<float> sums(512, 0.0f);
  for (size_t i = 0; i < 256; ++i) sums[i] = i % 8 == 0 ? 100.0f : 0.01f;
  write_importance("imatrix.gguf", sums, {5, 0});
  const auto importance = ImportanceMatrix::open(path("imatrix.gguf"));
  ASSERT_TRUE(importance) << importance.error().message;
  ASSERT_TRUE(quantize("in.gguf", "plain.gguf", "Q4_K_S"));
  ASSERT_TRUE(quantize("in.gguf", "weighted.gguf", "Q4_K_S", &*importance));
  ASSERT_FALSE(notices_.empty());
  EXPECT_THAT(notices_.back(), HasSubstr("not in the importance matrix"));

  const auto source = ModelFile::open(path("in.gguf"));
  const auto error = [&](const std::string& name, size_t expert) {
    const auto file = ModelFile::open(path(name));
    const auto& from = *source->find_tensor(kStack);
    const auto& to = *file->find_tensor(kStack);
    std::vector<float> x(2048), y(2048);
    std::memcpy(x.data(), from.bytes.data(), from.bytes.size());
    kernels::find_kernels("reference")
        ->dequantize_row[static_cast<size_t>(to.dtype)](to.bytes.data(), y.data(), y.size());
    double sum = 0;
    for (size_t i = expert * 1024; i < (expert + 1) * 1024; i += 8) {
      sum += std::pow(static_cast<double>(x[i] - y[i]), 2);
    }
    return sum;
  };
  EXPECT_LT(error("weighted.gguf", 0), 0.5 * error("plain.gguf", 0));
  EXPECT_EQ(error("weighted.gguf", 1), error("plain.gguf", 1));
}

TEST_F(QuantizeModelTest, HostileImportanceMatricesAreRefused) {
  write_source("in.gguf");
  const auto open = [&](const std::string& bytes) {
    std::ofstream(path("bad"), std::ios::binary) << bytes;
    return ImportanceMatrix::open(path("bad"));
  };
  using gguf::testing::TestFile;
  for (const std::string& bytes :
       {std::string(), std::string("GGUF"), TestFile::raw<int32_t>(-1), TestFile::raw<int32_t>(3),
        TestFile::raw<int32_t>(1) + TestFile::raw<int32_t>(1 << 30),
        TestFile::raw<int32_t>(1) + TestFile::raw<int32_t>(1) + "a" + TestFile::raw<int32_t>(1) +
            TestFile::raw<int32_t>(1 << 30)}) {
    EXPECT_FALSE(open(bytes)) << bytes;
  }
  for (const float bad : {-1.0f, std::nanf(""), INFINITY}) {
    std::vector<float> sums(512, 1.0f);
    sums[17] = bad;
    write_importance("imatrix.gguf", sums, {1, 1});
    const auto importance = ImportanceMatrix::open(path("imatrix.gguf"));
    ASSERT_FALSE(importance);
    EXPECT_THAT(importance.error().message, HasSubstr("a sum of squares that cannot be"));
  }
  write_importance("shape.gguf", std::vector<float>(128, 1.0f), {1, 1});
  const auto shape = ImportanceMatrix::open(path("shape.gguf"));
  ASSERT_TRUE(shape);
  expect_refused(quantize("in.gguf", "out.gguf", "Q4_0", &*shape), ErrorCategory::kInvalidArgument,
                 "was made for another model");
  write_importance("other.gguf", std::vector<float>(512, 1.0f), {1, 1}, "blk.7.attn_q.weight");
  const auto other = ImportanceMatrix::open(path("other.gguf"));
  ASSERT_TRUE(other);
  expect_refused(quantize("in.gguf", "out.gguf", "Q4_0", &*other), ErrorCategory::kInvalidArgument,
                 "names none of the matrices");
}

TEST_F(QuantizeModelTest, TheOlderImportanceFormIsRead) {
  using gguf::testing::TestFile;
  std::string bytes = TestFile::raw<int32_t>(1) + TestFile::raw<int32_t>(3) + "abc" +
                      TestFile::raw<int32_t>(2) + TestFile::raw<int32_t>(4);
  for (const float value : {1.0f, 2.0f, 3.0f, 2.0f}) bytes += TestFile::raw(value);
  const auto matrix = ImportanceMatrix::parse_dat(gguf::testing::as_bytes(bytes));
  ASSERT_TRUE(matrix) << matrix.error().message;
  const auto weights = matrix->weights("abc", 4, 1, 0);
  ASSERT_TRUE(weights);
  EXPECT_THAT(std::vector(weights->begin(), weights->end()), testing::ElementsAre(0.5f, 1.0f, 1.5f, 1.0f));
  EXPECT_EQ(matrix->weights("abc", 2, 2, 1)->size(), 2u);
  EXPECT_TRUE(matrix->weights("other", 4, 1, 0)->empty());
  EXPECT_FALSE(matrix->weights("abc", 5, 1, 0));
}

TEST_F(QuantizeModelTest, RefusalsLeaveNothingBehind) {
  write_source("in.gguf");
  std::ofstream(path("there.gguf")) << "mine";
  expect_refused(quantize("in.gguf", "there.gguf", "Q4_0"), ErrorCategory::kInvalidArgument,
                 "exists already");
  EXPECT_EQ(std::filesystem::file_size(path("there.gguf")), 4u);
  std::atomic<bool> cancelled{true};
  expect_refused(quantize("in.gguf", "out.gguf", "Q4_0", nullptr, {.cancelled = &cancelled}),
                 ErrorCategory::kCancelled, "stopped");
  write_source("bad.gguf", {{"token_embd.weight", {256, 1}, std::vector<float>(256, NAN)}});
  expect_refused(quantize("bad.gguf", "out.gguf", "Q4_0"), ErrorCategory::kCorrupt,
                 "tensor token_embd.weight: a value is not a finite number");
  EXPECT_EQ(n_files(), 3u);  // the two sources and mine
}

}  // namespace
}  // namespace hearth::convert
