// What rows of logits say of a model: how well it foretells a text, and how far it is from another one.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace hearth::app {

// Adds up how surprised a model was by each token that came.
class Perplexity {
 public:
  void add(std::span<const float> logits, int32_t next);
  int64_t count() const { return n_; }
  double value() const;
  // One standard error of the mean, carried through the exponential.
  double error() const;

 private:
  double total_ = 0, squares_ = 0;
  int64_t n_ = 0;
};

// Kullback-Leibler divergence of a model's next-token distribution from a reference's, row by row, in nats:
// 0 where they agree.
class Divergence {
 public:
  // Rows of the same length.
  void add(std::span<const float> reference, std::span<const float> model);
  double mean() const;
  double error() const;  // standard error of the mean
  // The value below which this share of rows lies: 0.5 is the median, 1 the largest.
  double quantile(double share) const;
  double same_top() const;  // share of rows whose likeliest token is the same

 private:
  std::vector<double> rows_;
  int64_t n_same_top_ = 0;
};

}  // namespace hearth::app
