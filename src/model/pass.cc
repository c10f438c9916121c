#include "model/pass.h"

namespace hearth::model {

using tensor::TensorView;

void Pass::norm(TensorView x, const Norm& norm, TensorView out) const {
  if (config.norm == NormKind::kLayer) {
    backend.layer_norm(x, norm.weight, norm.bias, config.norm_eps, out);
  } else {
    backend.rms_norm(x, norm.weight, config.norm_eps, out);
  }
}

void Pass::linear(TensorView x, const Linear& linear, TensorView out) const {
  const tensor::LinearOutput product{linear.weight, linear.bias, out};
  backend.linear(x, {&product, 1});
}

Status Pass::linear_summed(TensorView x, const Linear& product, TensorView out) const {
  linear(x, {product.weight, {}}, out);
  if (communicator.world_size() > 1) {
    HEARTH_CHECK_OK(communicator.all_reduce_sum({out.data, static_cast<size_t>(out.n_rows * out.n_cols)}));
  }
  if (product.bias) backend.add_vector(product.bias, out);
  return {};
}

Status Pass::drop_unwanted_rows() {
  if (batch.interrupted == nullptr || !batch.interrupted->load(std::memory_order_relaxed)) return {};
  const std::vector<int32_t> wanted = batch.still_wanted ? batch.still_wanted() : std::vector<int32_t>();
  if (wanted.empty()) return fail(ErrorCategory::kCancelled, "the pass was interrupted");
  if (static_cast<int64_t>(wanted.size()) == n_all_rows) return {};
  // The requested rows among them: which of the outputs they are, and their new numbers.
  std::vector<int32_t> outputs, numbers;
  for (size_t i = 0, output = 0; i < wanted.size(); ++i) {
    while (output < output_rows.size() && output_rows[output] < wanted[i]) ++output;
    if (output == output_rows.size() || output_rows[output] != wanted[i]) continue;
    outputs.push_back(static_cast<int32_t>(output));
    numbers.push_back(static_cast<int32_t>(i));
  }
  const auto gather = [&](const TensorView& buffer, int64_t n_rows, const std::vector<int32_t>& kept) {
    if (buffer.n_cols == 0) return;
    backend.gather_rows({buffer.data, n_rows, buffer.n_cols, buffer.n_cols}, kept, buffer);
  };
  const std::vector<int32_t>& kept = narrowed ? outputs : wanted;
  for (const TensorView& buffer : {state.x, state.cos[0], state.sin[0], state.cos[1], state.sin[1]}) {
    gather(buffer, n_rows(), kept);
  }
  gather(state.per_layer_early, n_all_rows, wanted);
  gather(state.per_layer_late, static_cast<int64_t>(output_rows.size()), outputs);
  std::vector<int32_t> sequence, position;
  for (const int32_t row : kept) {
    sequence.push_back(rows.sequence[static_cast<size_t>(row)]);
    position.push_back(rows.position[static_cast<size_t>(row)]);
  }
  sequence_ = std::move(sequence);
  position_ = std::move(position);
  output_rows_ = std::move(numbers);
  rows.sequence = sequence_;
  rows.position = position_;
  output_rows = output_rows_;
  n_all_rows = static_cast<int64_t>(wanted.size());
  return {};
}

}  // namespace hearth::model
