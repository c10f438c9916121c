#include "serving/embedding_sink.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace hearth::serving {

void EmbeddingSink::on_vector(size_t index, std::vector<float> values) {
  writer_.push(Embedding{.index = index, .values = std::move(values)});
}

void EmbeddingSink::on_end(const engine::EmbedEnd& end) {
  if (end.error) return writer_.push(*end.error);
  GenerationEnd last;
  last.usage.prompt_tokens = end.n_tokens;
  last.timings.queue_ms = end.queue_ms;
  last.timings.prefill_ms = end.compute_ms;
  writer_.push(std::move(last));
}

void RankingSink::on_vector(size_t index, std::vector<float> values) {
  const float log_odds = values.front();
  EmbeddingSink::on_vector(index, {log_odds, 1.0f / (1.0f + std::exp(-log_odds))});
}

void CosineSink::on_vector(size_t index, std::vector<float> values) {
  if (index > 0 && query_.empty()) return early_.emplace_back(index, std::move(values)), void();
  if (index > 0) return score(index, values);
  query_ = std::move(values);
  for (const auto& [document, vector] : early_) score(document, vector);
  early_.clear();
}

// Both have unit length.
void CosineSink::score(size_t index, const std::vector<float>& document) {
  const double cosine = std::inner_product(query_.begin(), query_.end(), document.begin(), 0.0);
  const auto value = static_cast<float>(std::clamp(cosine, -1.0, 1.0));
  EmbeddingSink::on_vector(index - 1, {value, std::max(value, 0.0f)});
}

}  // namespace hearth::serving
