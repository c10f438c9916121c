// What is counted of products and experts, with the weights of a small model of random values.
#include "app/imatrix/input_statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <optional>
#include <random>

#include "tensor/cpu/cpu_backend.h"

namespace hearth::app {
namespace {

using tensor::TensorView;
using tensor::WeightView;

class InputStatisticsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened =
        gguf::ModelFile::open(std::filesystem::path(HEARTH_TEST_DATA) / "parity/gemma4-moe-f16.gguf");
    ASSERT_TRUE(opened) << opened.error().message;
    file_.emplace(*std::move(opened));
    backend_ = tensor::create_cpu_backend(*kernels::find_kernels("reference"), threads_);
    ASSERT_TRUE(backend_->reserve({.max_rows = kRows,
                                   .max_cols = 4096,
                                   .max_head_dim = 64,
                                   .max_expert_rows = kRows * 2,
                                   .max_expert_cols = 4096,
                                   .max_experts = weight("blk.0.ffn_down_exps.weight").n_matrices}));
  }

  WeightView weight(std::string_view name) const {
    const gguf::TensorInfo* tensor = file_->find_tensor(name);
    EXPECT_NE(tensor, nullptr) << name;
    const int64_t n = tensor->n_dims < 3 ? 1 : static_cast<int64_t>(tensor->dims[2]);
    return {tensor->bytes.data(), tensor->dtype, static_cast<int64_t>(tensor->dims[0]),
            static_cast<int64_t>(tensor->dims[1]), n};
  }
  static TensorView fill(std::vector<float>& values, int64_t n_rows, int64_t n_cols) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    for (int64_t i = 0; i < n_rows * n_cols; ++i) values.push_back(normal(random));
    return {values.data(), n_rows, n_cols, n_cols};
  }

  static constexpr int64_t kRows = 5;
  ThreadPool threads_{2};
  std::optional<gguf::ModelFile> file_;
  std::unique_ptr<tensor::Backend> backend_;
};

TEST_F(InputStatisticsTest, SquaresOfAProductsInputAreSummedOncePerTensor) {
  InputStatistics statistics(*backend_, *file_);
  const WeightView q = weight("blk.0.attn_q.weight");
  std::vector<float> in, first(static_cast<size_t>(kRows * q.n_out)), second = first;
  const TensorView x = fill(in, kRows, q.n_in);
  const int64_t half = q.n_out / 2;
  const tensor::LinearOutput outputs[] = {
      {.weight = q.rows(0, half), .bias = {}, .out = {first.data(), kRows, half, half}},
      {.weight = q.rows(half, half), .bias = {}, .out = {second.data(), kRows, half, half}}};
  statistics.linear(x, outputs);
  EXPECT_NE(first[0], 0);  // it is computed as well
  const auto all = statistics.take();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].tensor, "blk.0.attn_q.weight");
  EXPECT_EQ(all[0].counts, std::vector<float>{kRows});
  ASSERT_EQ(all[0].sums.size(), static_cast<size_t>(q.n_in));
  for (int64_t c = 0; c < q.n_in; ++c) {
    double sum = 0;
    for (int64_t r = 0; r < kRows; ++r)
      sum += static_cast<double>(x.row(r)[c]) * static_cast<double>(x.row(r)[c]);
    EXPECT_NEAR(all[0].sums[static_cast<size_t>(c)], sum, 1e-9);
  }
}

TEST_F(InputStatisticsTest, ExpertsAreCountedByWhatTheyAreGiven) {
  InputStatistics statistics(*backend_, *file_);
  const WeightView gate_up = weight("blk.0.ffn_gate_up_exps.weight"),
                   down = weight("blk.0.ffn_down_exps.weight");
  const auto n_experts = static_cast<size_t>(gate_up.n_matrices);
  std::vector<float> in, out(static_cast<size_t>(kRows * down.n_out)), plain = out;
  const TensorView x = fill(in, kRows, gate_up.n_in);
  // Rows 0 … 3 want expert 1, row 4 expert 2.
  std::vector<float> logits(static_cast<size_t>(kRows) * n_experts);
  for (size_t r = 0; r < static_cast<size_t>(kRows); ++r) logits[r * n_experts + (r < 4 ? 1 : 2)] = 5;
  const auto width = static_cast<int64_t>(n_experts);
  tensor::MoeArgs args{.x = x,
                       .router_logits = {logits.data(), kRows, width, width},
                       .n_used = 1,
                       .renormalise = true,
                       .expert_scale = {},
                       .gate = {},
                       .up = {},
                       .gate_up = gate_up,
                       .down = down,
                       .activation = tensor::Activation::kGeluTanh,
                       .out = {out.data(), kRows, down.n_out, down.n_out}};
  statistics.moe(args);
  args.out.data = plain.data();
  backend_->moe(args);
  EXPECT_EQ(out, plain);

  const auto all = statistics.take();
  ASSERT_EQ(all.size(), 2u);  // by name: down, gate_up
  std::vector<float> counts(n_experts);
  counts[1] = 4;
  counts[2] = 1;
  for (const auto& sums : all) {
    EXPECT_EQ(sums.counts, counts) << sums.tensor;
    EXPECT_EQ(sums.sums[0], 0) << sums.tensor;  // of the first expert
    EXPECT_GT(sums.sums[sums.n_columns], 0) << sums.tensor;
  }
  // One row went through expert 2: its squares, and those of what its first matrix makes of it.
  const size_t second = 2 * all[1].n_columns;
  EXPECT_NEAR(all[1].sums[second], static_cast<double>(x.row(4)[0]) * static_cast<double>(x.row(4)[0]), 1e-9);
  std::vector<float> hidden(static_cast<size_t>(gate_up.n_out));
  const tensor::LinearOutput product{
      .weight = gate_up.matrix(2), .bias = {}, .out = {hidden.data(), 1, gate_up.n_out, gate_up.n_out}};
  backend_->linear(x.rows(4, 1), {&product, 1});
  const auto gelu = [](double v) {
    return 0.5 * v * (1 + std::tanh(0.7978845608028654 * (v + 0.044715 * v * v * v)));
  };
  for (size_t c = 0; c < all[0].n_columns; c += 7) {
    const double h = gelu(static_cast<double>(hidden[c])) * static_cast<double>(hidden[all[0].n_columns + c]);
    EXPECT_NEAR(all[0].sums[2 * all[0].n_columns + c], h * h, 1e-4 * h * h + 1e-9) << c;
  }
}

}  // namespace
}  // namespace hearth::app
