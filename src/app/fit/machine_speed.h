// How fast this machine does what models are made of, measured with the server's own kernels: what a model
// that is not loaded, or not even here, would reach is added up from it.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "app/bench/machine_limits.h"
#include "app/fit/model_work.h"
#include "kernels/kernels.h"
#include "tensor/backend.h"

namespace hearth::app {

class MachineSpeed {
 public:
  // Measures what does not depend on a model. Takes about two seconds. kOverloaded without memory for it.
  static Result<MachineSpeed> measure(ThreadPool& threads, const kernels::KernelTable& kernels);

  // Tokens per second; kUnsupported for matrices wider than any known model has. Matrices of the model's
  // shapes and types are measured: those of a file where they are, others in memory of this object. A quarter
  // of a second or less for each call. Of a prompt of n_tokens read from the beginning.
  Result<double> prefill(const ModelWork& work, int64_t n_tokens);
  // Of writing, with each of these numbers of tokens before.
  Result<std::vector<double>> decode(const ModelWork& work, std::span<const int64_t> depths);

  double read_bytes_per_second() const { return read_.bytes_per_second; }
  double macs_per_second() const { return macs_per_second_; }  // 0 = not known

 private:
  MachineSpeed(ThreadPool& threads, const kernels::KernelTable& kernels,
               std::unique_ptr<tensor::Backend> backend, AlignedBuffer weights, AlignedBuffer in,
               AlignedBuffer out)
      : threads_(&threads),
        kernels_(&kernels),
        backend_(std::move(backend)),
        weights_(std::move(weights)),
        in_(std::move(in)),
        out_(std::move(out)) {}

  double prefill_macs_per_second(const ModelWork::Product& product, int64_t n_rows);
  double decode_bytes_per_second(const ModelWork::Product& product);
  std::vector<tensor::WeightView> sample(const ModelWork::Product& product, int64_t n_rows,
                                         double most_bytes);
  // The shortest time of `n_rows` rows through all of the matrices, one after the other.
  double seconds_of(const std::vector<tensor::WeightView>& matrices, int64_t n_rows, int n_runs);
  // Of n_rows rows through the experts of all layers; 0 for a model without any.
  Result<double> expert_seconds(const ModelWork& work, int64_t n_rows);
  // The view with memory, from `at` on, which moves on; of a stack as many matrices as there is room for.
  void place(tensor::WeightView& view, size_t& at);
  float* in() const { return reinterpret_cast<float*>(in_.data()); }
  float* out() const { return reinterpret_cast<float*>(out_.data()); }
  void measure_attention();
  void measure_small_operations();

  ThreadPool* threads_;
  const kernels::KernelTable* kernels_;
  std::unique_ptr<tensor::Backend> backend_;
  AlignedBuffer weights_;
  AlignedBuffer in_, out_;  // activations, on large pages as those of a model
  std::map<std::pair<kernels::DType, int64_t>, double> prefill_;  // by type and rows
  ReadBandwidth read_;
  double macs_per_second_ = 0;
  double attention_macs_per_second_ = 0;
  double seconds_per_element_ = 0;  // of norms, activations and sums
  double seconds_per_layer_ = 0;    // of one row, beside its matrices and the length of its context
};

}  // namespace hearth::app
