#include "app/fit/machine_speed.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <numeric>
#include <vector>

#include "base/platform/pages.h"
#include "tensor/cpu/cpu_backend.h"

namespace hearth::app {
namespace {

constexpr size_t kWeightBytes = size_t{160} << 20;  // far more than caches hold
constexpr int64_t kWidth = 2048;                    // of the matrices
constexpr int64_t kStepRows = 256;                  // of a prompt's step, as the server has them
constexpr int64_t kStepOutputs = 4096;
constexpr int64_t kSmallOutputs = 64;
constexpr int64_t kHeads = 16, kKvHeads = 4, kHeadDim = 128;
constexpr int64_t kPositions = 512;

// A pattern that is a plain number in every format, so that no value is special.
constexpr int kPattern = 0x3c;

// The median of a few runs, as bench has it: what the machine usually does, not what it can.
template <typename Work>
double median_seconds(int n_runs, Work work) {
  work();
  std::vector<double> seconds;
  for (int i = 0; i < n_runs; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  std::nth_element(seconds.begin(), seconds.begin() + n_runs / 2, seconds.end());
  return seconds[static_cast<size_t>(n_runs / 2)];
}

struct Floats {
  std::vector<float> values;
  tensor::TensorView view;

  Floats(int64_t n_rows, int64_t n_cols)
      : values(static_cast<size_t>(n_rows * n_cols), 0.5f), view{values.data(), n_rows, n_cols, n_cols} {}
};

}  // namespace

Result<MachineSpeed> MachineSpeed::measure(ThreadPool& threads, const kernels::KernelTable& kernels) {
  HEARTH_TRY(const ReadTest read_test, ReadTest::create(threads, PageSize::kHuge));
  const ReadBandwidth read = read_test.best(threads.n_threads());
  auto backend = tensor::create_cpu_backend(kernels, threads);
  HEARTH_CHECK_OK(backend->reserve({.max_rows = kStepRows,
                                    .max_cols = kWidth,
                                    .max_head_dim = kHeadDim,
                                    .max_head_group = kHeads / kKvHeads}));
  HEARTH_TRY(AlignedBuffer weights, AlignedBuffer::create(kWeightBytes));
  platform::use_small_pages(weights.data(), weights.size());  // as files are mapped
  const size_t share = weights.size() / static_cast<size_t>(threads.n_threads());
  threads.run([&](int thread) {
    std::memset(weights.data() + static_cast<size_t>(thread) * share, kPattern, share);
  });
  MachineSpeed speed(threads, std::move(backend), std::move(weights));
  speed.read_ = read;
  speed.macs_per_second_ = measure_dot_peak(threads, kernels.name);
  HEARTH_CHECK_OK(speed.measure_attention());
  HEARTH_CHECK_OK(speed.measure_small_operations());
  return speed;
}

Result<MachineSpeed::ProductSpeed> MachineSpeed::product(kernels::DType dtype) {
  if (const auto known = products_.find(dtype); known != products_.end()) return known->second;
  const size_t row_bytes = kernels::row_bytes(dtype, kWidth);
  const auto n_out = static_cast<int64_t>(weights_.size() / row_bytes);
  const tensor::WeightView all{weights_.data(), dtype, kWidth, n_out, 1};
  const int64_t n_step = std::min(n_out, kStepOutputs);
  Floats x(kStepRows, kWidth), one(1, n_out), step(kStepRows, n_step);
  const auto multiply = [&](tensor::TensorView in, tensor::WeightView weight, tensor::TensorView out) {
    const tensor::LinearOutput output{.weight = weight, .bias = {}, .out = out};
    backend_->linear(in, {&output, 1});
  };
  ProductSpeed speed;
  const double decode = median_seconds(5, [&] { multiply(x.view.rows(0, 1), all, one.view); });
  speed.bytes_per_second = static_cast<double>(all.bytes()) / decode;
  const double prefill = median_seconds(3, [&] { multiply(x.view, all.rows(0, n_step), step.view); });
  speed.macs_per_second = static_cast<double>(kStepRows * kWidth * n_step) / prefill;
  products_[dtype] = speed;
  return speed;
}

// A step in the middle of a prompt.
Status MachineSpeed::measure_attention() {
  constexpr int64_t kBlocks = kPositions / tensor::kBlockTokens;
  const size_t side = kernels::row_bytes(kernels::DType::kF16, kHeadDim) * kKvHeads * tensor::kBlockTokens;
  const tensor::KvLayer kv{.pool = weights_.data(),
                           .block_bytes = 2 * side,
                           .keys_offset = 0,
                           .values_offset = side,
                           .dtype = kernels::DType::kF16,
                           .n_kv_heads = kKvHeads,
                           .key_dim = kHeadDim,
                           .value_dim = kHeadDim};
  std::vector<tensor::BlockId> blocks(kBlocks);
  std::iota(blocks.begin(), blocks.end(), 0);
  std::vector<int32_t> sequence(kStepRows, 0), position(kStepRows);
  std::iota(position.begin(), position.end(), static_cast<int32_t>(kPositions - kStepRows));
  const tensor::SequenceKv stored{.blocks = {blocks, {}}, .n_positions = kPositions};
  const tensor::RowMap rows{.sequence = sequence, .position = position, .sequences = {&stored, 1}};
  Floats q(kStepRows, kHeads * kHeadDim), out(kStepRows, kHeads * kHeadDim);
  const double seconds = median_seconds(5, [&] {
    backend_->attention(
        {.q = q.view, .kv = &kv, .rows = &rows, .n_heads = kHeads, .scale = 0.1f, .out = out.view});
  });
  const int64_t visible = kStepRows * (kPositions - kStepRows / 2);
  attention_macs_per_second_ = 2.0 * static_cast<double>(kHeads * kHeadDim * visible) / seconds;
  return {};
}

Status MachineSpeed::measure_small_operations() {
  Floats x(kStepRows, kWidth), y(kStepRows, kWidth);
  const double norm = median_seconds(5, [&] { backend_->rms_norm(x.view, {}, 1e-6f, y.view); });
  const double activation = median_seconds(
      5, [&] { backend_->gated_activation(tensor::Activation::kSilu, x.view, y.view, y.view); });
  seconds_per_element_ = (norm + activation) / 2 / static_cast<double>(kStepRows * kWidth);
  constexpr int kCalls = 200;
  const tensor::WeightView small{weights_.data(), kernels::DType::kQ8_0, kWidth, kSmallOutputs, 1};
  const double products = median_seconds(3, [&] {
    for (int i = 0; i < kCalls; ++i) {
      const tensor::LinearOutput output{
          .weight = small, .bias = {}, .out = y.view.rows(0, 1).cols(0, kSmallOutputs)};
      backend_->linear(x.view.rows(0, 1), {&output, 1});
    }
  });
  seconds_per_operation_ = products / kCalls;
  return {};
}

Result<double> MachineSpeed::prefill(const ModelWork& work, int64_t n_tokens) {
  double seconds = work.attention_macs(n_tokens / 2) / attention_macs_per_second_ +
                   work.element_operations() * seconds_per_element_ +
                   static_cast<double>(work.n_operations()) * seconds_per_operation_ / kStepRows;
  for (const auto& [dtype, product] : work.products()) {
    HEARTH_TRY(const ProductSpeed speed, this->product(dtype));
    seconds += product.prefill_values / speed.macs_per_second;
  }
  return 1 / seconds;
}

Result<double> MachineSpeed::decode(const ModelWork& work, int64_t depth) {
  double seconds = work.cache_bytes(depth) / read_.bytes_per_second +
                   static_cast<double>(work.n_operations()) * seconds_per_operation_;
  for (const auto& [dtype, product] : work.products()) {
    HEARTH_TRY(const ProductSpeed speed, this->product(dtype));
    seconds += product.decode_bytes / speed.bytes_per_second;
  }
  return 1 / seconds;
}

}  // namespace hearth::app
