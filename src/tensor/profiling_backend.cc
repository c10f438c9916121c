#include "tensor/profiling_backend.h"

#include <algorithm>
#include <chrono>

namespace hearth::tensor {
namespace {

// Float32 values that an operation reads or writes.
template <typename... Views>
Work activations(const Views&... views) {
  return {.activation_bytes =
              (0.0 + ... + (sizeof(float) * static_cast<double>(views.n_rows * views.n_cols)))};
}

Work work_of(TensorView x, std::span<const LinearOutput> outputs) {
  Work work = activations(x);
  for (const LinearOutput& output : outputs) {
    work += activations(output.out);
    work.weight_bytes += static_cast<double>(output.weight.bytes());
    work.macs += static_cast<double>(x.n_rows * output.weight.n_in * output.weight.n_out);
  }
  return work;
}

double position_bytes(const KvLayer& kv) {
  return static_cast<double>(kv.n_kv_heads) *
         static_cast<double>(kernels::row_bytes(kv.dtype, static_cast<size_t>(kv.key_dim)) +
                             kernels::row_bytes(kv.dtype, static_cast<size_t>(kv.value_dim)));
}

struct Visible {
  int64_t first, end;
};

Visible visible(const AttentionArgs& args, int64_t row) {
  const auto i = static_cast<size_t>(row);
  const int64_t position = args.rows->position[i];
  const int64_t n_positions = args.rows->sequences[static_cast<size_t>(args.rows->sequence[i])].n_positions;
  const int64_t reach = args.window == 0 ? n_positions : args.causal ? args.window - 1 : args.window / 2;
  return {std::max<int64_t>(position - reach, 0),
          std::min(args.causal ? position + 1 : position + reach + 1, n_positions)};
}

Work work_of(const AttentionArgs& args) {
  Work work = activations(args.q, args.out);
  const double macs_per_position =
      static_cast<double>(args.n_heads) * static_cast<double>(args.kv->key_dim + args.kv->value_dim);
  const auto& sequence = args.rows->sequence;
  for (int64_t row = 0; row < args.rows->n_rows();) {
    const Visible first = visible(args, row);
    Visible last = first;
    // Rows of a sequence are adjacent and rise in position: what they see together is one range.
    for (const int32_t of = sequence[static_cast<size_t>(row)];
         row < args.rows->n_rows() && sequence[static_cast<size_t>(row)] == of; ++row) {
      last = visible(args, row);
      work.macs += static_cast<double>(last.end - last.first) * macs_per_position;
    }
    work.cache_bytes += static_cast<double>(last.end - first.first) * position_bytes(*args.kv);
  }
  return work;
}

// Experts that any row of a batch chooses: the softmax keeps the order of the logits, so these decide.
int64_t n_chosen_experts(const MoeArgs& args) {
  const auto n_experts = static_cast<size_t>(args.router_logits.n_cols);
  const auto n_used = static_cast<ptrdiff_t>(args.n_used);
  std::vector<bool> chosen(n_experts);
  std::vector<int32_t> order(n_experts);
  for (int64_t row = 0; row < args.router_logits.n_rows; ++row) {
    const float* logits = args.router_logits.row(row);
    for (size_t e = 0; e < n_experts; ++e) order[e] = static_cast<int32_t>(e);
    std::partial_sort(order.begin(), order.begin() + n_used, order.end(), [&](int32_t a, int32_t b) {
      return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
    });
    for (ptrdiff_t k = 0; k < n_used; ++k) chosen[static_cast<size_t>(order[static_cast<size_t>(k)])] = true;
  }
  return std::count(chosen.begin(), chosen.end(), true);
}

Work work_of(const MoeArgs& args) {
  Work work = activations(args.x, args.router_logits, args.out);
  const auto chosen = static_cast<double>(n_chosen_experts(args));
  for (const WeightView& stack : {args.gate, args.up, args.gate_up, args.down}) {
    if (!stack) continue;
    work.weight_bytes += chosen * static_cast<double>(stack.matrix(0).bytes());
    work.macs +=
        static_cast<double>(args.x.n_rows * args.n_used) * static_cast<double>(stack.n_in * stack.n_out);
  }
  return work;
}

}  // namespace

Work& Work::operator+=(const Work& other) {
  weight_bytes += other.weight_bytes;
  cache_bytes += other.cache_bytes;
  activation_bytes += other.activation_bytes;
  macs += other.macs;
  return *this;
}

void ProfilingBackend::name_weight(const WeightView& weight, const std::string& phase) {
  if (weight) named_[weight.data] = {weight.data + weight.bytes(), phase};
}

Work ProfilingBackend::total() const {
  Work total;
  for (const Phase& phase : phases_) total += phase.work;
  return total;
}

template <typename Operation>
void ProfilingBackend::record(std::string_view name, const Work& work, Operation operation) {
  const auto begin = std::chrono::steady_clock::now();
  operation();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  auto phase =
      std::find_if(phases_.begin(), phases_.end(), [&](const Phase& known) { return known.name == name; });
  if (phase == phases_.end()) phase = phases_.insert(phases_.end(), {.name = std::string(name), .work = {}});
  ++phase->calls;
  phase->seconds += took.count();
  phase->work += work;
}

std::string_view ProfilingBackend::phase_of(const WeightView& weight) const {
  const auto after = named_.upper_bound(weight.data);
  if (after == named_.begin()) return "linear";
  const NamedWeight& before = std::prev(after)->second;
  return weight.data < before.end ? std::string_view(before.phase) : "linear";
}

void ProfilingBackend::embed(const WeightView& table, std::span<const int32_t> ids, int64_t first_col,
                             float scale, TensorView out) {
  Work work = activations(out);
  work.weight_bytes = static_cast<double>(ids.size()) *
                      static_cast<double>(kernels::row_bytes(table.dtype, static_cast<size_t>(out.n_cols)));
  record("embed", work, [&] { inner().embed(table, ids, first_col, scale, out); });
}

void ProfilingBackend::gather_rows(TensorView x, std::span<const int32_t> rows, TensorView out) {
  const TensorView moved = x.rows(0, static_cast<int64_t>(rows.size()));
  record("copy", activations(moved, moved), [&] { inner().gather_rows(x, rows, out); });
}

void ProfilingBackend::copy(TensorView x, TensorView out) {
  record("copy", activations(x, out), [&] { inner().copy(x, out); });
}

void ProfilingBackend::rms_norm(TensorView x, VectorView weight, float eps, TensorView out) {
  record("norm", activations(x, out), [&] { inner().rms_norm(x, weight, eps, out); });
}

void ProfilingBackend::layer_norm(TensorView x, VectorView weight, VectorView bias, float eps,
                                  TensorView out) {
  record("norm", activations(x, out), [&] { inner().layer_norm(x, weight, bias, eps, out); });
}

void ProfilingBackend::linear(TensorView x, std::span<const LinearOutput> outputs) {
  const std::string_view phase = outputs.empty() ? "linear" : phase_of(outputs.front().weight);
  record(phase, work_of(x, outputs), [&] { inner().linear(x, outputs); });
}

void ProfilingBackend::rope(TensorView x, int64_t head_dim, bool interleaved, TensorView cos,
                            TensorView sin) {
  record("rope", activations(x, x, cos, sin), [&] { inner().rope(x, head_dim, interleaved, cos, sin); });
}

void ProfilingBackend::store_kv(TensorView k, TensorView v, const KvLayer& kv, const RowMap& rows) {
  Work work = activations(k, v);
  work.cache_bytes = static_cast<double>(rows.n_rows()) * position_bytes(kv);
  record("kv store", work, [&] { inner().store_kv(k, v, kv, rows); });
}

void ProfilingBackend::attention(const AttentionArgs& args) {
  record("attention", work_of(args), [&] { inner().attention(args); });
}

void ProfilingBackend::gated_activation(Activation activation, TensorView gate, TensorView up,
                                        TensorView out) {
  record("activation", activations(gate, up, out),
         [&] { inner().gated_activation(activation, gate, up, out); });
}

void ProfilingBackend::gelu(TensorView x) {
  record("activation", activations(x, x), [&] { inner().gelu(x); });
}

void ProfilingBackend::moe(const MoeArgs& args) {
  record("experts", work_of(args), [&] { inner().moe(args); });
}

void ProfilingBackend::add(TensorView x, TensorView out) {
  record("add, multiply", activations(x, out, out), [&] { inner().add(x, out); });
}

void ProfilingBackend::add_vector(VectorView x, TensorView out) {
  record("add, multiply", activations(out, out), [&] { inner().add_vector(x, out); });
}

void ProfilingBackend::multiply(float factor, TensorView out) {
  record("add, multiply", activations(out, out), [&] { inner().multiply(factor, out); });
}

void ProfilingBackend::multiply_vector(VectorView x, TensorView out) {
  record("add, multiply", activations(out, out), [&] { inner().multiply_vector(x, out); });
}

void ProfilingBackend::softcap(float cap, TensorView out) {
  record("softcap", activations(out, out), [&] { inner().softcap(cap, out); });
}

}  // namespace hearth::tensor
