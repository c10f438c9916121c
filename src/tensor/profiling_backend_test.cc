#include "tensor/profiling_backend.h"

#include <gtest/gtest.h>

#include <numeric>

#include "tensor/cpu/cpu_backend.h"

namespace hearth::tensor {
namespace {

class ProfilingBackendTest : public testing::Test {
 protected:
  ProfilingBackendTest()
      : pool_(1),
        inner_(create_cpu_backend(*kernels::find_kernels("reference"), pool_)),
        profiler_(*inner_) {}

  void SetUp() override {
    ASSERT_TRUE(profiler_.reserve({.max_rows = 8, .max_cols = 64, .max_head_dim = 32, .max_head_group = 2}));
  }

  const Phase& only_phase() {
    EXPECT_EQ(profiler_.phases().size(), 1U);
    return profiler_.phases().front();
  }

  static TensorView view(std::vector<float>& values, int64_t n_rows) {
    const int64_t n_cols = static_cast<int64_t>(values.size()) / n_rows;
    return {values.data(), n_rows, n_cols, n_cols};
  }

  static WeightView weight(const std::vector<float>& values, int64_t n_in) {
    return {reinterpret_cast<const std::byte*>(values.data()), DType::kF32, n_in,
            static_cast<int64_t>(values.size()) / n_in, 1};
  }

  ThreadPool pool_;
  std::unique_ptr<Backend> inner_;
  ProfilingBackend profiler_;
};

TEST_F(ProfilingBackendTest, ProductsCountUnderTheirWeightsName) {
  const std::vector<float> w(32 * 64, 1.0f);  // 64 rows of 32
  std::vector<float> x(2 * 32, 1.0f), out(2 * 64), half(2 * 32);
  const WeightView all = weight(w, 32);
  profiler_.name_weight(all, "up");
  const LinearOutput whole{all, {}, view(out, 2)};
  profiler_.linear(view(x, 2), {&whole, 1});
  EXPECT_EQ(out[127], 32.0f);
  const LinearOutput part{all.rows(32, 32), {}, view(half, 2)};
  profiler_.linear(view(x, 2), {&part, 1});
  EXPECT_EQ(half[63], 32.0f);

  const Phase& phase = only_phase();
  EXPECT_EQ(phase.name, "up");
  EXPECT_EQ(phase.calls, 2);
  EXPECT_GT(phase.seconds, 0);
  EXPECT_EQ(phase.work.macs, 2 * 32 * (64 + 32));
  EXPECT_EQ(phase.work.weight_bytes, 4 * 32 * (64 + 32));
  EXPECT_EQ(phase.work.activation_bytes, 4 * (2 * 32 + 2 * 64 + 2 * 32 + 2 * 32));

  const std::vector<float> unknown(32, 1.0f);
  std::vector<float> one(2);
  const LinearOutput other{weight(unknown, 32), {}, view(one, 2)};
  profiler_.linear(view(x, 2), {&other, 1});
  EXPECT_EQ(profiler_.phases().back().name, "linear");
}

// Two sequences, one of them with two rows; a window of 4 positions.
TEST_F(ProfilingBackendTest, AttentionCountsWhatRowsSee) {
  constexpr int kDim = 32, kHeads = 2;
  std::vector<std::byte> pool(2 * 2 * kBlockTokens * kDim * sizeof(float));
  const KvLayer kv{.pool = pool.data(),
                   .block_bytes = pool.size() / 2,
                   .keys_offset = 0,
                   .values_offset = pool.size() / 4,
                   .dtype = DType::kF32,
                   .n_kv_heads = 1,
                   .key_dim = kDim,
                   .value_dim = kDim,
                   .kind = 0};
  const BlockId first_block = 0, second_block = 1;
  SequenceKv sequences[2];
  sequences[0].blocks[0] = {&first_block, 1};
  sequences[0].n_positions = 3;
  sequences[1].blocks[0] = {&second_block, 1};
  sequences[1].n_positions = 11;
  const int32_t sequence[] = {0, 1, 1}, position[] = {2, 9, 10};
  const RowMap rows{sequence, position, sequences};
  std::vector<float> q(3 * kHeads * kDim), out(q.size());
  AttentionArgs args{.q = view(q, 3), .kv = &kv, .rows = &rows, .n_heads = kHeads, .out = view(out, 3)};

  profiler_.attention(args);
  EXPECT_EQ(only_phase().work.macs, (3 + 10 + 11) * kHeads * 2 * kDim);
  EXPECT_EQ(only_phase().work.cache_bytes, (3 + 11) * 2 * kDim * 4);  // both rows of the second read the same

  profiler_.reset();
  args.window = 4;
  profiler_.attention(args);
  EXPECT_EQ(only_phase().work.macs, (3 + 4 + 4) * kHeads * 2 * kDim);
  EXPECT_EQ(only_phase().work.cache_bytes, (3 + 5) * 2 * kDim * 4);

  profiler_.reset();
  args.causal = false;
  profiler_.attention(args);
  EXPECT_EQ(only_phase().work.macs, (3 + 4 + 3) * kHeads * 2 * kDim);
  EXPECT_EQ(only_phase().work.cache_bytes, (3 + 4) * 2 * kDim * 4);
}

TEST_F(ProfilingBackendTest, ExpertsCountOnceWhenTheyAreChosen) {
  constexpr int64_t kIn = 32, kFfn = 32, kExperts = 4;
  ASSERT_TRUE(profiler_.reserve({.max_rows = 2,
                                 .max_cols = 64,
                                 .max_head_dim = 32,
                                 .max_expert_rows = 4,
                                 .max_expert_cols = 64,
                                 .max_experts = 2 * kExperts}));  // more than the call has
  const std::vector<float> stack(kExperts * kIn * kFfn, 0.5f);
  const WeightView experts{reinterpret_cast<const std::byte*>(stack.data()), DType::kF32, kIn, kFfn,
                           kExperts};
  std::vector<float> x(2 * kIn, 1.0f), out(2 * kIn), logits = {3, 2, 1, 0, 0, 2, 2, 3};  // 0, 1; then 3, 1
  profiler_.moe({.x = view(x, 2),
                 .router_logits = view(logits, 2),
                 .n_used = 2,
                 .expert_scale = {},
                 .gate = experts,
                 .up = experts,
                 .gate_up = {},
                 .down = experts,
                 .out = view(out, 2)});
  EXPECT_EQ(only_phase().work.weight_bytes, 3.0 * 3 * kIn * kFfn * 4);
  EXPECT_EQ(only_phase().work.macs, 2.0 * 2 * 3 * kIn * kFfn);
}

TEST_F(ProfilingBackendTest, EveryOperationReachesTheOtherBackend) {
  std::vector<float> x = {1, 2, 3, 4}, out(4);
  profiler_.copy(view(x, 1), view(out, 1));
  EXPECT_EQ(out, x);
  profiler_.add(view(x, 1), view(out, 1));
  profiler_.multiply(2, view(out, 1));
  profiler_.multiply_vector({x.data(), 4}, view(out, 1));
  profiler_.add_vector({x.data(), 4}, view(out, 1));
  EXPECT_EQ(out, (std::vector<float>{5, 18, 39, 68}));
  const int32_t last[] = {1};
  std::vector<float> gathered(2);
  profiler_.gather_rows(view(x, 2), last, view(gathered, 1));
  EXPECT_EQ(gathered, (std::vector<float>{3, 4}));
  std::vector<float> embedded(2);
  profiler_.embed(weight(x, 2), last, 0, 3, view(embedded, 1));
  EXPECT_EQ(embedded, (std::vector<float>{9, 12}));
  std::vector<float> normed(4), plain(4);
  profiler_.rms_norm(view(x, 1), {}, 0, view(normed, 1));
  inner_->rms_norm(view(x, 1), {}, 0, view(plain, 1));
  EXPECT_EQ(normed, plain);
  profiler_.layer_norm(view(x, 1), {x.data(), 4}, {}, 0, view(normed, 1));
  inner_->layer_norm(view(x, 1), {x.data(), 4}, {}, 0, view(plain, 1));
  EXPECT_EQ(normed, plain);
  profiler_.gated_activation(Activation::kSilu, view(x, 1), view(x, 1), view(normed, 1));
  inner_->gated_activation(Activation::kSilu, view(x, 1), view(x, 1), view(plain, 1));
  EXPECT_EQ(normed, plain);
  profiler_.gelu(view(normed, 1));
  inner_->gelu(view(plain, 1));
  profiler_.softcap(2, view(normed, 1));
  inner_->softcap(2, view(plain, 1));
  EXPECT_EQ(normed, plain);
  std::vector<float> cosine = {0}, sine = {1};
  profiler_.rope(view(normed, 1), 2, false, view(cosine, 1), view(sine, 1));
  inner_->rope(view(plain, 1), 2, false, view(cosine, 1), view(sine, 1));
  EXPECT_EQ(normed, plain);

  std::vector<std::string> names;
  for (const Phase& phase : profiler_.phases()) names.push_back(phase.name);
  EXPECT_EQ(names, (std::vector<std::string>{"copy", "add, multiply", "embed", "norm", "activation",
                                             "softcap", "rope"}));
}

}  // namespace
}  // namespace hearth::tensor
