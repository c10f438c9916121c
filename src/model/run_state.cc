#include "model/run_state.h"

#include <algorithm>

#include "base/checked.h"

namespace hearth::model {
namespace {

// A line of stagger keeps buffers of power-of-two sizes from sharing cache sets.
constexpr size_t kLine = 64;

int64_t padded(int64_t n) {
  return static_cast<int64_t>(align_up(static_cast<uint64_t>(n), kLine / sizeof(float)));
}

}  // namespace

// Walks the list of buffers: once to add up their bytes, once to place them.
struct RunState::Layout {
  std::byte* base = nullptr;
  size_t bytes = 0;

  void place(tensor::TensorView& view, int64_t n_rows, int64_t n_cols) {
    if (n_cols == 0) return;
    if (base != nullptr) view = {reinterpret_cast<float*>(base + bytes), n_rows, n_cols, n_cols};
    bytes += static_cast<size_t>(padded(n_rows * n_cols)) * sizeof(float) + kLine;
  }

  void run(const ModelConfig& config, const RunLimits& limits, RunState& state) {
    int64_t kv_width = 0, ffn_width = 0;
    for (const LayerConfig& layer : config.layers) {
      kv_width = std::max(kv_width, layer.n_kv_heads * layer.head_dim);
      ffn_width = std::max(ffn_width, layer.ffn_dim);
    }
    const int64_t rows = limits.max_rows;
    for (auto* view : {&state.x, &state.h, &state.y}) place(*view, rows, config.width);
    if (config.moe.beside_dense) place(state.z, rows, config.width);
    place(state.q, rows, config.max_heads_width());
    place(state.attention, rows, config.max_heads_width());
    place(state.k, rows, kv_width);
    place(state.v, rows, kv_width);
    if (config.gated_ffn) place(state.gate, rows, ffn_width);
    place(state.up, rows, ffn_width);
    place(state.router, rows, config.moe.n_experts);
    for (int kind = 0; kind < 2; ++kind) {
      place(state.cos[kind], rows, config.rope[kind].n_dims / 2);
      place(state.sin[kind], rows, config.rope[kind].n_dims / 2);
    }
    const int64_t early = config.last_kv_layer() + 1;
    place(state.per_layer_early, rows, early * config.per_layer_input_dim);
    place(state.per_layer_late, limits.max_outputs, (config.n_layers - early) * config.per_layer_input_dim);
    place(state.per_layer_gate, rows, config.per_layer_input_dim);
    place(state.per_layer_slice, rows, config.per_layer_input_dim);
    if (!config.is_encoder && limits.logits) place(state.logits, limits.max_outputs, config.vocab_size);
  }
};

size_t RunState::planned_bytes(const ModelConfig& config, const RunLimits& limits) {
  RunState unplaced;
  Layout layout;
  layout.run(config, limits, unplaced);
  return layout.bytes;
}

size_t RunState::planned_logit_bytes(const ModelConfig& config, const RunLimits& limits) {
  RunLimits without = limits;
  without.logits = false;
  return planned_bytes(config, limits) - planned_bytes(config, without);
}

tensor::BackendLimits RunState::backend_limits(const ModelConfig& config, const RunLimits& limits) {
  int64_t max_group = 1, max_cols = std::max(config.width, config.max_heads_width());
  int64_t max_head_dim = 0;
  for (const LayerConfig& layer : config.layers) {
    max_group = std::max(max_group, layer.n_heads / layer.n_kv_heads);
    max_head_dim = std::max(max_head_dim, layer.head_dim);
    max_cols = std::max(max_cols, layer.ffn_dim);
  }
  const MoeConfig& moe = config.moe;
  return {.max_rows = limits.max_rows,
          .max_cols = max_cols,
          .max_row_cols = config.dense_2_dim,  // of a text's vector
          .max_head_dim = max_head_dim,
          .max_head_group = max_group,
          .max_expert_rows = limits.max_rows * moe.n_used,
          .max_expert_cols = std::max(config.width, 2 * moe.ffn_dim),
          .max_experts = moe.n_experts};
}

Result<RunState> RunState::create(const ModelConfig& config, const RunLimits& limits,
                                  tensor::Backend& backend) {
  RunState state;
  state.limits_ = limits;
  HEARTH_TRY(state.memory_, backend.allocate(planned_bytes(config, limits)));
  Layout layout{.base = state.memory_->data()};
  layout.run(config, limits, state);
  state.output_sequence.reserve(static_cast<size_t>(limits.max_rows));
  state.output_position.reserve(static_cast<size_t>(limits.max_rows));
  HEARTH_CHECK_OK(backend.reserve(backend_limits(config, limits)));
  return state;
}

}  // namespace hearth::model
