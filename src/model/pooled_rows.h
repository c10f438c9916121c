// Those of a text's final rows that make its vector, gathered over the passes that compute them.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "model/model_config.h"

namespace hearth::model {

class PooledRows {
 public:
  explicit PooledRows(const ModelConfig& config)
      : choice_(config.row_choice()), sum_(static_cast<size_t>(config.width), 0.0) {}

  // Of positions [first, first + n) of a text with n_text tokens, those whose rows count: [begin, end).
  std::pair<int64_t, int64_t> wanted(int64_t first, int64_t n, int64_t n_text) const;
  // One of them, `width` values.
  void add(const float* row);
  std::vector<float> mean() const;

 private:
  Pooling choice_;
  std::vector<double> sum_;
  int64_t n_ = 0;
};

}  // namespace hearth::model
