#include "app/logit_measures.h"

#include <algorithm>
#include <cmath>

namespace hearth::app {
namespace {

double log_sum_exp(std::span<const float> x) {
  const auto max = static_cast<double>(*std::max_element(x.begin(), x.end()));
  double sum = 0;
  for (const float value : x) sum += std::exp(static_cast<double>(value) - max);
  return max + std::log(sum);
}

auto likeliest(std::span<const float> x) {
  return std::max_element(x.begin(), x.end()) - x.begin();
}

// Standard error of the mean of n numbers from their sum and the sum of their squares.
double standard_error(double sum, double squares, double n) {
  const double mean = sum / n;
  return std::sqrt(std::max(squares / n - mean * mean, 0.0) / n);
}

}  // namespace

void Perplexity::add(std::span<const float> logits, int32_t next) {
  const double nats = log_sum_exp(logits) - static_cast<double>(logits[static_cast<size_t>(next)]);
  total_ += nats;
  squares_ += nats * nats;
  ++n_;
}

double Perplexity::value() const {
  return std::exp(total_ / static_cast<double>(n_));
}

double Perplexity::error() const {
  return value() * standard_error(total_, squares_, static_cast<double>(n_));
}

void Divergence::add(std::span<const float> reference, std::span<const float> model) {
  const double log_p = log_sum_exp(reference), log_q = log_sum_exp(model);
  double sum = 0;
  for (size_t i = 0; i < reference.size(); ++i) {
    const double p = static_cast<double>(reference[i]) - log_p;
    sum += std::exp(p) * (p - (static_cast<double>(model[i]) - log_q));
  }
  rows_.push_back(std::max(sum, 0.0));  // rounding may go below
  n_same_top_ += likeliest(reference) == likeliest(model);
}

double Divergence::mean() const {
  double sum = 0;
  for (const double row : rows_) sum += row;
  return sum / static_cast<double>(rows_.size());
}

double Divergence::error() const {
  double sum = 0, squares = 0;
  for (const double row : rows_) {
    sum += row;
    squares += row * row;
  }
  return standard_error(sum, squares, static_cast<double>(rows_.size()));
}

double Divergence::quantile(double share) const {
  std::vector<double> sorted = rows_;
  const auto last = static_cast<double>(sorted.size() - 1);
  const auto place = sorted.begin() + static_cast<std::ptrdiff_t>(std::lround(share * last));
  std::nth_element(sorted.begin(), place, sorted.end());
  return *place;
}

double Divergence::same_top() const {
  return static_cast<double>(n_same_top_) / static_cast<double>(rows_.size());
}

}  // namespace hearth::app
