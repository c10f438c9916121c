// The models this process serves: files named by path, and all that is in a store. They come into memory when
// a request asks for them and leave it when their time is over or another needs the room. Thread-safe.
//
// What happens in the store is seen by the next request: a model that was replaced is loaded anew, one that
// was removed is listed no more, but answers as long as it is in memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/prefix_store.h"
#include "kernels/dtype.h"
#include "serving/generation_service.h"
#include "serving/metrics.h"
#include "serving/model_aliases.h"
#include "store/model_store.h"
#include "text/line_rules.h"

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
  uint64_t memory_bytes = 0;                       // for all models; 0 = what the machine has
  KeepAlive keep_alive = std::chrono::minutes(5);  // of a model that a request brought into memory
  std::shared_ptr<Metrics> metrics{};              // told what models do; null = nobody
  ModelAliases aliases{};                          // further names of models
  std::shared_ptr<const text::LineRules> prompt_rules{};  // edit system prompts; null = none
  std::shared_ptr<engine::PrefixStore> prefix_store{};    // where prefixes outlive a model's engine; or none
  std::shared_ptr<const store::ModelStore> store{};       // models to be found by name; null = none
  std::function<void(const LoadProgress&)> on_load_progress{};  // from the loading thread
};

class ModelPool : public GenerationService {
 public:
  // kInvalidArgument: bad options (unknown kernels, threads, KV type).
  static Result<std::unique_ptr<ModelPool>> create(ModelPoolOptions options);

  // Serves the GGUF at `path` without loading it, which a request or preload() does. Names and errors as in
  // load(), but for what comes to light only then.
  virtual Result<ModelSummary> open(const std::filesystem::path& path, std::string name = {}) = 0;

  // Loads the GGUF at `path` and serves it under `name` (empty: the file's name without ".gguf" and shard
  // suffix). It stays in memory until a request says otherwise or the room is needed. Blocks. Errors: those
  // of the file, kUnsupported (architecture), kOverloaded (memory); then it is not served.
  virtual Result<ModelSummary> load(const std::filesystem::path& path, std::string name = {}) = 0;
};

}  // namespace hearth::serving
