// What an embedder finds, as the events of a stream.
#pragma once

#include <functional>
#include <vector>

#include "engine/embedder.h"
#include "serving/token_stream.h"

namespace hearth::serving {

class EmbeddingSink : public engine::EmbedSink {
 public:
  explicit EmbeddingSink(TokenWriter writer) : writer_(std::move(writer)) {}

  // What the consumer's cancel() does. Thread-safe.
  void set_on_cancel(std::function<void()> on_cancel) { writer_.set_on_cancel(std::move(on_cancel)); }

  void on_vector(size_t index, std::vector<float> values) override;
  void on_end(const engine::EmbedEnd& end) override;

 protected:
  TokenWriter writer_;
};

// Scores of a reranker.
class RankingSink : public EmbeddingSink {
 public:
  using EmbeddingSink::EmbeddingSink;
  void on_vector(size_t index, std::vector<float> values) override;
};

// Scores of any other model: text 0 is the query, the others are documents.
class CosineSink : public EmbeddingSink {
 public:
  using EmbeddingSink::EmbeddingSink;
  void on_vector(size_t index, std::vector<float> values) override;

 private:
  void score(size_t index, const std::vector<float>& document);

  std::vector<float> query_;
  std::vector<std::pair<size_t, std::vector<float>>> early_;  // documents that came before the query
};

}  // namespace hearth::serving
