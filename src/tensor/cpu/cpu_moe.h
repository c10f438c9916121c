// Mixture of experts: rows are grouped by expert, each stage is one list of (expert, panel of weight rows)
// tasks for all threads, and no thread waits for one expert.
#pragma once

#include <vector>

#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "tensor/cpu/scratch.h"

namespace hearth::tensor {

class CpuMoe {
 public:
  CpuMoe(const kernels::KernelTable& kernels, ThreadPool& pool) : kernels_(kernels), pool_(pool) {}

  Status reserve(const BackendLimits& limits);
  size_t scratch_bytes() const {
    return input_.bytes() + quantized_rows_.bytes() + quantized_.bytes() + hidden_.bytes() + output_.bytes();
  }

  void run(const MoeArgs& args);

 private:
  // A slot is one (row, chosen expert) pair; slots of an expert are adjacent.
  struct Task {
    int32_t expert;
    int64_t first_row, end_row;  // of the expert's weight matrix
  };

  void choose_experts(const MoeArgs& args);
  void group_by_expert(const MoeArgs& args);
  void list_tasks(int64_t n_out);
  // out[slot] = weight[expert of slot] · input of slot, for all slots, into columns from out_col on.
  void gather_input(TensorView x, size_t activation_group);
  void multiply_experts(const WeightView& stack, int64_t out_col, TensorView out);
  size_t group_of(const WeightView& stack) const;  // MatmulKernel::activation_group

  const kernels::KernelTable& kernels_;
  ThreadPool& pool_;
  FloatScratch input_;          // rows gathered by slot
  QuantizedScratch quantized_rows_;
  QuantizedScratch quantized_;  // gathered by slot; then the hidden values
  FloatScratch hidden_;         // [slots, 2 · ffn]: gate | up
  FloatScratch output_;         // [slots, n_out]

  int64_t n_slots_ = 0;
  std::vector<int32_t> expert_of_choice_;  // [rows · n_used]
  std::vector<float> weight_of_choice_;
  std::vector<int32_t> slot_of_choice_;
  std::vector<int32_t> row_of_slot_;
  std::vector<int32_t> first_slot_;   // [n_experts + 1]
  std::vector<float> probabilities_;  // [threads, n_experts]
  std::vector<Task> tasks_;
};

}  // namespace hearth::tensor
