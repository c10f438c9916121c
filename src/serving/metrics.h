// What models do, told as it happens to whoever counts it. Calls come from engine threads, several at once:
// they must be quick.
#pragma once

#include <memory>
#include <string>

#include "engine/token_sink.h"
#include "serving/token_stream.h"

namespace hearth::serving {

struct GenerationRecord {
  Usage usage;
  Timings timings;
  bool failed = false;  // or was cancelled
};

// Of one model.
class ModelMetrics {
 public:
  virtual ~ModelMetrics() = default;
  virtual void on_load() = 0;
  virtual void on_unload() = 0;
  virtual void on_first_token(double seconds) = 0;  // since the model was given the request
  virtual void on_next_token(double seconds) = 0;   // since the token before it
  virtual void on_end(const GenerationRecord& record) = 0;
};

class Metrics {
 public:
  virtual ~Metrics() = default;
  // The same for every call with this name; it may outlive the Metrics.
  virtual std::shared_ptr<ModelMetrics> of_model(const std::string& name) = 0;
};

// `sink`, with what passes through it told to `metrics`.
std::shared_ptr<engine::TokenSink> metered(std::shared_ptr<engine::TokenSink> sink,
                                           std::shared_ptr<ModelMetrics> metrics);

}  // namespace hearth::serving
