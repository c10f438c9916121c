#include "app/imatrix/input_statistics.h"

#include <algorithm>
#include <numeric>

namespace hearth::app {

using tensor::TensorView;
using tensor::WeightView;

namespace {

// A packed view of room that grows as needed.
TensorView room(std::vector<float>& values, int64_t n_rows, int64_t n_cols) {
  values.resize(std::max(values.size(), static_cast<size_t>(n_rows * n_cols)));
  return {values.data(), n_rows, n_cols, n_cols};
}

}  // namespace

InputStatistics::InputStatistics(tensor::Backend& inner, const gguf::ModelFile& file)
    : ForwardingBackend(inner) {
  for (const gguf::TensorInfo& tensor : file.tensors()) {
    if (tensor.n_dims < 2) continue;
    const uint64_t n_matrices = tensor.n_dims < 3 ? 1 : tensor.dims[2];
    const auto entry = by_name_.emplace(std::string(tensor.name),
                                        convert::InputSums{.tensor = std::string(tensor.name),
                                                           .n_columns = tensor.dims[0],
                                                           .sums = {},
                                                           .counts = std::vector<float>(n_matrices)});
    by_data_[tensor.bytes.data()] = {tensor.bytes.data() + tensor.bytes.size(), &entry.first->second};
  }
}

convert::InputSums* InputStatistics::sums_of(const WeightView& weight) {
  const auto after = by_data_.upper_bound(weight.data);
  if (after == by_data_.begin()) return nullptr;
  const Matrix& matrix = std::prev(after)->second;
  return weight.data < matrix.end ? matrix.sums : nullptr;
}

void InputStatistics::add(convert::InputSums& sums, int64_t matrix, const TensorView& x) {
  if (sums.n_columns != static_cast<uint64_t>(x.n_cols)) return;
  if (sums.sums.empty()) sums.sums.resize(sums.counts.size() * sums.n_columns);
  double* const columns = sums.sums.data() + static_cast<size_t>(matrix) * sums.n_columns;
  for (int64_t r = 0; r < x.n_rows; ++r) {
    const float* row = x.row(r);
    for (int64_t c = 0; c < x.n_cols; ++c)
      columns[c] += static_cast<double>(row[c]) * static_cast<double>(row[c]);
  }
  sums.counts[static_cast<size_t>(matrix)] += static_cast<float>(x.n_rows);
}

void InputStatistics::linear(TensorView x, std::span<const tensor::LinearOutput> outputs) {
  std::vector<convert::InputSums*> counted;  // several outputs may be parts of one tensor
  for (const tensor::LinearOutput& output : outputs) {
    convert::InputSums* const sums = sums_of(output.weight);
    if (sums == nullptr || std::find(counted.begin(), counted.end(), sums) != counted.end()) continue;
    counted.push_back(sums);
    add(*sums, 0, x);
  }
  inner().linear(x, outputs);
}

void InputStatistics::count_expert(const tensor::MoeArgs& args, int64_t expert,
                                   std::span<const int32_t> rows) {
  const auto n = static_cast<int64_t>(rows.size());
  const TensorView x = room(rows_, n, args.x.n_cols);
  inner().gather_rows(args.x, rows, x);
  const auto product = [&](const WeightView& weight, std::vector<float>& values) {
    const tensor::LinearOutput output{.weight = weight, .bias = {}, .out = room(values, n, weight.n_out)};
    inner().linear(x, {&output, 1});
    return output.out;
  };
  TensorView gate, up;
  if (args.gate_up) {
    if (convert::InputSums* sums = sums_of(args.gate_up)) add(*sums, expert, x);
    const TensorView both = product(args.gate_up.matrix(expert), gate_);
    gate = both.cols(0, both.n_cols / 2);
    up = both.cols(both.n_cols / 2, both.n_cols / 2);
  } else {
    for (const WeightView& weight : {args.gate, args.up}) {
      if (convert::InputSums* sums = sums_of(weight)) add(*sums, expert, x);
    }
    gate = product(args.gate.matrix(expert), gate_);
    up = product(args.up.matrix(expert), up_);
  }
  inner().gated_activation(args.activation, gate, up, gate);
  if (convert::InputSums* sums = sums_of(args.down)) add(*sums, expert, gate);
}

void InputStatistics::moe(const tensor::MoeArgs& args) {
  const int64_t n_experts = args.router_logits.n_cols;
  std::vector<std::vector<int32_t>> rows(static_cast<size_t>(n_experts));  // of each expert
  std::vector<int32_t> order(static_cast<size_t>(n_experts));
  for (int64_t row = 0; row < args.x.n_rows; ++row) {
    // The softmax keeps the order of the logits.
    const float* logits = args.router_logits.row(row);
    std::iota(order.begin(), order.end(), 0);
    std::partial_sort(order.begin(), order.begin() + args.n_used, order.end(), [&](int32_t a, int32_t b) {
      return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
    });
    for (int k = 0; k < args.n_used; ++k) {
      rows[static_cast<size_t>(order[static_cast<size_t>(k)])].push_back(static_cast<int32_t>(row));
    }
  }
  for (int64_t expert = 0; expert < n_experts; ++expert) {
    const auto& chosen = rows[static_cast<size_t>(expert)];
    if (!chosen.empty()) count_expert(args, expert, chosen);
  }
  inner().moe(args);
}

std::vector<convert::InputSums> InputStatistics::take() {
  std::vector<convert::InputSums> all;
  for (auto& [name, sums] : by_name_) {
    if (!sums.sums.empty()) all.push_back(std::move(sums));
  }
  by_name_.clear();
  by_data_.clear();
  return all;
}

}  // namespace hearth::app
