// A whole model file from one set of types to another: every tensor is read, quantised and written in turn,
// so that memory holds a few megabytes however large the model.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "convert/importance_matrix.h"
#include "convert/model_source.h"
#include "convert/quant_mix.h"

namespace hearth::convert {

struct QuantizeProgress {
  std::function<void(uint64_t done_bytes, uint64_t total_bytes)> report = {};  // bytes of the output
  const std::atomic<bool>* cancelled = nullptr;                                // looked at now and then
};

class QuantizePlan {
 public:
  // What the output will be; nothing is written. Borrows the bytes of the source, and the importance matrix,
  // which may be null. kInvalidArgument for an importance matrix that was made for another model.
  static Result<QuantizePlan> make(ModelSource source, const QuantMix& mix,
                                   const ImportanceMatrix* importance);

  // All types stay: a model in several files becomes one.
  static QuantizePlan joined(ModelSource source);

  uint64_t output_bytes() const { return source_.writer.size_bytes(); }
  double bits_per_weight() const;
  // What the person should know: a source that has lost precision already, matrices without importance, rows
  // whose length another type must serve. Sentences without full stop.
  std::vector<std::string> notices() const;

  // Writes the output: `path` has all of it or does not change. kInvalidArgument if it exists; kIo also where
  // the disk has too little room, before anything is written, and where the source changes meanwhile;
  // kCorrupt and kUnsupported for values that the types cannot hold; kCancelled.
  Status write(const std::filesystem::path& path, ThreadPool& threads,
               const QuantizeProgress& progress) const;

 private:
  QuantizePlan(ModelSource source, const ImportanceMatrix* importance)
      : source_(std::move(source)), importance_(importance) {}
  class Work;

  ModelSource source_;
  const ImportanceMatrix* importance_;
  std::vector<kernels::DType> types_;  // of source_.tensors
  uint64_t n_values_ = 0;
  size_t n_requantized_ = 0;
  std::string_view mix_name_;
  size_t n_fallback_ = 0;  // matrices whose rows the mix's blocks do not divide
  size_t n_without_importance_ = 0;
  size_t n_quantized_ = 0;
};

}  // namespace hearth::convert
