// How fast this machine does what models are made of, measured with the server's own kernels: what a model
// that is not loaded, or not even here, would reach is added up from it.
#pragma once

#include <map>
#include <memory>

#include "app/bench/machine_limits.h"
#include "app/fit/model_work.h"
#include "kernels/kernels.h"
#include "tensor/backend.h"

namespace hearth::app {

class MachineSpeed {
 public:
  // Measures what does not depend on a model. Takes about a second. kOverloaded without memory for it.
  static Result<MachineSpeed> measure(ThreadPool& threads, const kernels::KernelTable& kernels);

  // Tokens per second. Measures products of the model's types when they are seen for the first time.
  // Of a prompt of n_tokens read from the beginning.
  Result<double> prefill(const ModelWork& work, int64_t n_tokens);
  // Of writing with `depth` tokens before.
  Result<double> decode(const ModelWork& work, int64_t depth);

  double read_bytes_per_second() const { return read_.bytes_per_second; }
  double macs_per_second() const { return macs_per_second_; }  // 0 = not known

 private:
  struct ProductSpeed {
    double bytes_per_second = 0;  // one row through a matrix from memory
    double macs_per_second = 0;   // a step's rows of a prompt
  };

  MachineSpeed(ThreadPool& threads, std::unique_ptr<tensor::Backend> backend, AlignedBuffer weights)
      : threads_(&threads), backend_(std::move(backend)), weights_(std::move(weights)) {}

  Result<ProductSpeed> product(kernels::DType dtype);
  Status measure_attention();
  Status measure_small_operations();

  ThreadPool* threads_;
  std::unique_ptr<tensor::Backend> backend_;
  AlignedBuffer weights_;
  ReadBandwidth read_;
  double macs_per_second_ = 0;
  double attention_macs_per_second_ = 0;
  double seconds_per_element_ = 0;    // of norms, activations and sums
  double seconds_per_operation_ = 0;  // however small it is
  std::map<kernels::DType, ProductSpeed> products_;
};

}  // namespace hearth::app
