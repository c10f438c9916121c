// The models this process serves. Today: models named by path, loaded at start or on first use, kept until
// the end. Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernels/dtype.h"
#include "serving/generation_service.h"

namespace hearth::serving {

struct LoadProgress {
  uint64_t done_bytes = 0;
  uint64_t total_bytes = 0;
};

struct ModelPoolOptions {
  int n_threads = 0;                               // compute threads; 0 = the processors this process may use
  int64_t context_length = 0;                      // tokens a request may use; 0 = min(the model's own, 8192)
  kernels::DType kv_dtype = kernels::DType::kF16;  // F32, F16 or Q8_0
  bool speculate = true;                           // draft tokens where the text repeats itself
  std::string kernels{};                           // instruction set by name; empty = the best
  size_t max_queue = 256;                          // requests waiting; more are refused as overloaded
  std::function<void(const LoadProgress&)> on_load_progress{};  // from the loading thread
};

class ModelPool : public GenerationService {
 public:
  // kInvalidArgument: bad options (unknown kernels, threads, KV type).
  static Result<std::unique_ptr<ModelPool>> create(ModelPoolOptions options);

  // Loads the GGUF at `path` and serves it under `name` (empty: the file's name without ".gguf" and shard
  // suffix). Blocks. Errors: those of the file, kUnsupported (architecture), kOverloaded (memory).
  virtual Result<ModelSummary> load(const std::filesystem::path& path, std::string name = {}) = 0;
};

}  // namespace hearth::serving
