#include "model/pooled_rows.h"

#include <algorithm>

namespace hearth::model {

std::pair<int64_t, int64_t> PooledRows::wanted(int64_t first, int64_t n, int64_t n_text) const {
  const int64_t end = first + n;
  switch (choice_) {
    case Pooling::kMean:
      return {first, end};
    case Pooling::kCls:
      return {first, first == 0 ? std::min<int64_t>(1, end) : first};
    default:
      return {end == n_text ? end - 1 : end, end};
  }
}

void PooledRows::add(const float* row) {
  for (size_t i = 0; i < sum_.size(); ++i) sum_[i] += static_cast<double>(row[i]);
  ++n_;
}

std::vector<float> PooledRows::mean() const {
  std::vector<float> mean(sum_.size());
  for (size_t i = 0; i < sum_.size(); ++i) mean[i] = static_cast<float>(sum_[i] / static_cast<double>(n_));
  return mean;
}

}  // namespace hearth::model
