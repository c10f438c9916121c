#include "app/fit/machine_speed.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "base/platform/pages.h"
#include "tensor/cpu/cpu_backend.h"

namespace hearth::app {
namespace {

constexpr size_t kWeightBytes = size_t{160} << 20;  // far more than caches hold
constexpr int64_t kWidth = 2048;                    // of a row of activations
constexpr int64_t kMostColumns = 65536;             // of a matrix
constexpr int64_t kStepRows = 256;                  // of a prompt's step, as the server has them
constexpr int64_t kHeads = 16, kKvHeads = 4, kHeadDim = 128;
constexpr int64_t kPositions = 512;
constexpr size_t kActivationBytes = kStepRows * kMostColumns * sizeof(float);
constexpr int kMachineRuns = 4;
constexpr int kRuns = 5;
constexpr size_t kPrefillLayers = 2;  // of experts
constexpr size_t kCacheLine = 64;
constexpr double kDecodeSampleBytes = 320e6;  // read for one measurement
constexpr double kPrefillSampleMacs = 6e9;

// A pattern that is a plain number in every format, so that no value is special.
constexpr int kPattern = 0x3c;

// The shortest of a few runs: whatever else a machine does makes one longer, and that is not the model's.
template <typename Work>
double shortest_seconds(int n_runs, Work work) {
  work();
  double shortest = std::numeric_limits<double>::infinity();
  for (int i = 0; i < n_runs; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    shortest =
        std::min(shortest, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  return shortest;
}

struct Floats {
  std::vector<float> values;
  tensor::TensorView view;

  Floats(int64_t n_rows, int64_t n_cols)
      : values(static_cast<size_t>(n_rows * n_cols), 0.5f), view{values.data(), n_rows, n_cols, n_cols} {}
};

// Each row prefers other experts, and a text some to others: about 60 of 100 get all rows of a step.
std::vector<float> router_logits(int64_t n_rows, int64_t n_experts) {
  std::minstd_rand random(1);
  std::uniform_real_distribution<float> by_text(0, 0.5f), by_row(0, 1);
  std::vector<float> preference(static_cast<size_t>(n_experts)), logits;
  for (float& value : preference) value = by_text(random);
  for (int64_t row = 0; row < n_rows; ++row) {
    for (const float value : preference) logits.push_back(value + by_row(random));
  }
  return logits;
}

// Room for activations was made before the model was known.
Status check_width(const ModelWork& work) {
  int64_t widest = 0;
  for (const auto& [dtype, product] : work.products()) {
    for (const tensor::WeightView& matrix : product.matrices) widest = std::max(widest, matrix.n_in);
  }
  for (const auto& [layer, experts] : work.experts()) {
    widest = std::max({widest, experts.down.n_out, 2 * experts.down.n_in});
  }
  if (widest <= kMostColumns) return {};
  return fail(ErrorCategory::kUnsupported,
              "speeds are predicted for matrices of up to {} columns; this model has {}", kMostColumns,
              widest);
}

}  // namespace

Result<MachineSpeed> MachineSpeed::measure(ThreadPool& threads, const kernels::KernelTable& kernels) {
  ReadBandwidth read;
  {
    HEARTH_TRY(const ReadTest read_test, ReadTest::create(threads, PageSize::kHuge));
    for (int i = 0; i < kMachineRuns; ++i) {
      const ReadBandwidth now = read_test.best(threads.n_threads());
      if (now.bytes_per_second > read.bytes_per_second) read = now;
    }
  }
  auto backend = tensor::create_cpu_backend(kernels, threads);
  HEARTH_CHECK_OK(backend->reserve({.max_rows = kStepRows,
                                    .max_cols = kMostColumns,
                                    .max_head_dim = kHeadDim,
                                    .max_head_group = kHeads / kKvHeads}));
  HEARTH_TRY(AlignedBuffer weights, AlignedBuffer::create(kWeightBytes));
  platform::use_small_pages(weights.data(), weights.size());  // as files are mapped
  const size_t share = weights.size() / static_cast<size_t>(threads.n_threads());
  threads.run([&](int thread) {
    std::memset(weights.data() + static_cast<size_t>(thread) * share, kPattern, share);
  });
  HEARTH_TRY(AlignedBuffer in, AlignedBuffer::create(kActivationBytes));
  HEARTH_TRY(AlignedBuffer out, AlignedBuffer::create(kActivationBytes));
  std::fill_n(reinterpret_cast<float*>(in.data()), kActivationBytes / sizeof(float), 0.5f);
  std::memset(out.data(), 0, kActivationBytes);
  MachineSpeed speed(threads, kernels, std::move(backend), std::move(weights), std::move(in), std::move(out));
  speed.read_ = read;
  for (int i = 0; i < kMachineRuns; ++i) {
    speed.macs_per_second_ = std::max(speed.macs_per_second_, measure_dot_peak(threads, kernels.name));
  }
  speed.measure_attention();
  speed.measure_small_operations();
  return speed;
}

// The first of the matrices, which are of all kinds that a layer has, in real memory.
std::vector<tensor::WeightView> MachineSpeed::sample(const ModelWork::Product& product, int64_t n_rows,
                                                     double most_bytes) {
  std::vector<tensor::WeightView> views;
  double bytes = 0;
  size_t at = 0;
  for (tensor::WeightView view : product.matrices) {
    if (bytes >= most_bytes) break;
    const double room = std::min(most_bytes - bytes, static_cast<double>(weights_.size()));
    const auto rows = static_cast<int64_t>(room / static_cast<double>(view.row_bytes()));
    view.n_out = std::clamp<int64_t>(std::min(rows, kStepRows * kMostColumns / n_rows), 1, view.n_out);
    if (view.data == nullptr) place(view, at);
    bytes += static_cast<double>(view.bytes());
    views.push_back(view);
  }
  return views;
}

double MachineSpeed::seconds_of(const std::vector<tensor::WeightView>& matrices, int64_t n_rows, int n_runs) {
  return shortest_seconds(n_runs, [&] {
    for (const tensor::WeightView& matrix : matrices) {
      const tensor::LinearOutput output{
          .weight = matrix, .bias = {}, .out = {out(), n_rows, matrix.n_out, matrix.n_out}};
      backend_->linear({in(), n_rows, matrix.n_in, matrix.n_in}, {&output, 1});
    }
  });
}

void MachineSpeed::place(tensor::WeightView& view, size_t& at) {
  const auto fit = static_cast<int64_t>(weights_.size() / view.matrix(0).bytes());
  view.n_matrices = std::clamp<int64_t>(fit, 1, view.n_matrices);
  if (at + view.bytes() > weights_.size()) at = 0;
  view.data = weights_.data() + at;
  at += (view.bytes() + kCacheLine - 1) / kCacheLine * kCacheLine;
}

Result<double> MachineSpeed::expert_seconds(const ModelWork& work, int64_t n_rows) {
  if (work.experts().empty()) return 0.0;
  std::vector<ModelWork::Experts> layers;
  const int64_t n_all = work.experts().begin()->second.down.n_matrices, n_used = work.n_experts_used();
  const double used_share = static_cast<double>(n_used) / static_cast<double>(n_all);
  double all_bytes = 0, bytes = 0;
  size_t at = 0;
  int64_t n_experts = n_all;
  for (const auto& [layer, experts] : work.experts()) {
    all_bytes += static_cast<double>(experts.bytes());
    const bool enough =
        n_rows > 1 ? layers.size() >= kPrefillLayers : bytes * used_share >= kDecodeSampleBytes;
    if (enough) continue;
    bytes += static_cast<double>(experts.bytes());
    ModelWork::Experts& placed = layers.emplace_back(experts);
    for (tensor::WeightView* stack : {&placed.gate, &placed.up, &placed.gate_up, &placed.down}) {
      if (stack->n_in > 0 && stack->data == nullptr) place(*stack, at);
      if (stack->n_in > 0) n_experts = std::min(n_experts, stack->n_matrices);
    }
  }
  // With fewer experts than the model has, fewer rows, so that each gets as many.
  n_experts = std::max(n_experts, n_used);
  const int64_t rows = n_rows == 1 ? 1 : std::max<int64_t>(1, n_rows * n_experts / n_all);
  int64_t widest = 0;
  for (ModelWork::Experts& layer : layers) {
    for (tensor::WeightView* stack : {&layer.gate, &layer.up, &layer.gate_up, &layer.down}) {
      if (*stack) stack->n_matrices = n_experts;
      widest = std::max({widest, stack->n_in, 2 * stack->n_out});
    }
  }
  auto backend = tensor::create_cpu_backend(*kernels_, *threads_);
  HEARTH_CHECK_OK(backend->reserve({.max_rows = rows,
                                    .max_cols = widest,
                                    .max_head_dim = kHeadDim,
                                    .max_expert_rows = rows * n_used,
                                    .max_expert_cols = widest,
                                    .max_experts = n_experts}));
  std::vector<float> logits = router_logits(rows, n_experts);
  const double seconds = shortest_seconds(kRuns, [&] {
    for (const ModelWork::Experts& layer : layers) {
      const int64_t n_in = layer.gate_up ? layer.gate_up.n_in : layer.gate.n_in;
      backend->moe({.x = {in(), rows, n_in, n_in},
                    .router_logits = {logits.data(), rows, n_experts, n_experts},
                    .n_used = static_cast<int>(n_used),
                    .renormalise = true,
                    .expert_scale = {},
                    .gate = layer.gate,
                    .up = layer.up,
                    .gate_up = layer.gate_up,
                    .down = layer.down,
                    .activation = tensor::Activation::kSilu,
                    .out = {out(), rows, layer.down.n_out, layer.down.n_out}});
    }
  });
  return seconds * all_bytes / bytes * static_cast<double>(n_rows) / static_cast<double>(rows);
}

double MachineSpeed::decode_bytes_per_second(const ModelWork::Product& product) {
  const auto matrices = sample(product, 1, kDecodeSampleBytes);
  double bytes = 0;
  for (const tensor::WeightView& matrix : matrices) bytes += static_cast<double>(matrix.bytes());
  return bytes / seconds_of(matrices, 1, kRuns);
}

double MachineSpeed::prefill_macs_per_second(const ModelWork::Product& product, int64_t n_rows) {
  const tensor::WeightView& first = product.matrices.front();
  // Shapes hardly matter here: one measurement serves all models that are not in memory.
  const std::pair key(first.dtype, n_rows);
  if (const auto known = prefill_.find(key); first.data == nullptr && known != prefill_.end()) {
    return known->second;
  }
  const double bytes_per_value = static_cast<double>(first.row_bytes()) / static_cast<double>(first.n_in);
  const auto matrices =
      sample(product, n_rows, kPrefillSampleMacs / static_cast<double>(n_rows) * bytes_per_value);
  double macs = 0;
  for (const tensor::WeightView& matrix : matrices) {
    macs += static_cast<double>(n_rows * matrix.n_in) * static_cast<double>(matrix.n_out);
  }
  const double rate = macs / seconds_of(matrices, n_rows, kRuns);
  if (first.data == nullptr) prefill_[key] = rate;
  return rate;
}

// A step in the middle of a prompt.
void MachineSpeed::measure_attention() {
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
  const double seconds = shortest_seconds(kRuns, [&] {
    backend_->attention(
        {.q = q.view, .kv = &kv, .rows = &rows, .n_heads = kHeads, .scale = 0.1f, .out = out.view});
  });
  const int64_t visible = kStepRows * (kPositions - kStepRows / 2);
  attention_macs_per_second_ = 2.0 * static_cast<double>(kHeads * kHeadDim * visible) / seconds;

  // A row that is written, with little before it, among what a layer does to it beside its products.
  const tensor::SequenceKv short_kv{.blocks = {std::span(blocks).first(1), {}}, .n_positions = 64};
  const int32_t first = 0, place = 63;
  const tensor::RowMap one{.sequence = {&first, 1}, .position = {&place, 1}, .sequences = {&short_kv, 1}};
  Floats x(1, kWidth), y(1, kWidth), gate(1, 4 * kWidth), up(1, 4 * kWidth);
  constexpr int kLayers = 50;
  const double layers = shortest_seconds(kRuns, [&] {
    for (int i = 0; i < kLayers; ++i) {
      for (int norm = 0; norm < 4; ++norm) backend_->rms_norm(x.view, {}, 1e-6f, y.view);
      backend_->attention({.q = q.view.rows(0, 1),
                           .kv = &kv,
                           .rows = &one,
                           .n_heads = kHeads,
                           .scale = 0.1f,
                           .out = out.view.rows(0, 1)});
      backend_->gated_activation(tensor::Activation::kSilu, gate.view, up.view, gate.view);
      for (int sum = 0; sum < 2; ++sum) backend_->add(x.view, y.view);
    }
  });
  seconds_per_layer_ = layers / kLayers;
}

void MachineSpeed::measure_small_operations() {
  Floats x(kStepRows, kWidth), y(kStepRows, kWidth);
  const double norm = shortest_seconds(kRuns, [&] { backend_->rms_norm(x.view, {}, 1e-6f, y.view); });
  const double activation = shortest_seconds(
      kRuns, [&] { backend_->gated_activation(tensor::Activation::kSilu, x.view, y.view, y.view); });
  seconds_per_element_ = (norm + activation) / 2 / static_cast<double>(kStepRows * kWidth);
}

Result<double> MachineSpeed::prefill(const ModelWork& work, int64_t n_tokens) {
  HEARTH_CHECK_OK(check_width(work));
  double seconds = work.attention_macs(n_tokens / 2) / attention_macs_per_second_ +
                   work.element_operations() * seconds_per_element_;
  for (const auto& [dtype, product] : work.products()) {
    if (product.prefill_values == 0) continue;
    seconds += product.prefill_values / prefill_macs_per_second(product, kStepRows);
  }
  HEARTH_TRY(const double experts, expert_seconds(work, kStepRows));
  return 1 / (seconds + experts / kStepRows);
}

Result<std::vector<double>> MachineSpeed::decode(const ModelWork& work, std::span<const int64_t> depths) {
  HEARTH_CHECK_OK(check_width(work));
  HEARTH_TRY(double alone, expert_seconds(work, 1));
  alone += static_cast<double>(work.n_layers()) * seconds_per_layer_;
  for (const auto& [dtype, product] : work.products()) {
    alone += product.decode_bytes / decode_bytes_per_second(product);
  }
  std::vector<double> rates;
  for (const int64_t depth : depths) {
    rates.push_back(1 / (alone + work.cache_bytes(depth) / read_.bytes_per_second));
  }
  return rates;
}

}  // namespace hearth::app
