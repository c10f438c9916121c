#include "tensor/cpu/cpu_moe.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "tensor/cpu/cpu_linear.h"

namespace hearth::tensor {
namespace {

constexpr int64_t kPanelRows = 64;  // weight rows of a task
constexpr int64_t kFewSlots = 128;  // below, reading weights costs more than multiplying with them
constexpr int64_t kTasksPerThread = 4;

void copy_row(const kernels::QuantizedRows& from, int64_t n_cols, const kernels::QuantizedRows& to) {
  const auto n = static_cast<size_t>(n_cols);
  std::memcpy(to.q, from.q, n);
  std::memcpy(to.scale, from.scale, n / kernels::kActivationGroup * sizeof(float));
  std::memcpy(to.sum, from.sum, n / 16 * sizeof(int16_t));
}

}  // namespace

Status CpuMoe::reserve(const BackendLimits& limits) {
  if (limits.max_expert_rows == 0) return {};
  const auto cols = static_cast<int64_t>(align_up(static_cast<uint64_t>(limits.max_expert_cols), 32));
  HEARTH_CHECK_OK(quantized_rows_.reserve(limits.max_rows, cols));
  HEARTH_CHECK_OK(input_.reserve(limits.max_expert_rows * cols));
  HEARTH_CHECK_OK(quantized_.reserve(limits.max_expert_rows, cols));
  HEARTH_CHECK_OK(hidden_.reserve(limits.max_expert_rows * cols));
  HEARTH_CHECK_OK(output_.reserve(limits.max_expert_rows * cols));
  const auto slots = static_cast<size_t>(limits.max_expert_rows);
  const auto experts = static_cast<size_t>(limits.max_experts);
  for (auto* list : {&expert_of_choice_, &slot_of_choice_, &row_of_slot_}) list->resize(slots);
  weight_of_choice_.resize(slots);
  first_slot_.resize(experts + 1);
  probabilities_.resize(experts * static_cast<size_t>(pool_.n_threads()));
  const auto panels = static_cast<size_t>(cols / kPanelRows + 1);
  tasks_.reserve(std::min(slots, experts) * panels);
  return {};
}

void CpuMoe::run(const MoeArgs& args) {
  const int64_t n_rows = args.x.n_rows;
  if (n_rows == 0) return;
  n_slots_ = n_rows * args.n_used;
  choose_experts(args);
  group_by_expert(args);

  const int64_t ffn = args.down.n_in;
  const TensorView hidden = hidden_.view(n_slots_, 2 * ffn);
  if (args.gate_up) {
    gather_input(args.x, group_of(args.gate_up));
    multiply_experts(args.gate_up, 0, hidden);
  } else {
    gather_input(args.x, group_of(args.gate));
    multiply_experts(args.gate, 0, hidden);
    if (group_of(args.up) != group_of(args.gate)) gather_input(args.x, group_of(args.up));
    multiply_experts(args.up, ffn, hidden);
  }

  // The activation leaves packed rows where the gathered input was.
  const TensorView activated = input_.view(n_slots_, ffn);
  const auto apply = args.activation == Activation::kSilu ? kernels_.silu_mul : kernels_.gelu_tanh_mul;
  const size_t down_group = group_of(args.down);
  pool_.parallel_for(static_cast<size_t>(n_slots_), 4, [&](size_t begin, size_t end) {
    for (auto slot = static_cast<int64_t>(begin); slot < static_cast<int64_t>(end); ++slot) {
      const float* row = hidden.row(slot);
      const auto n = static_cast<size_t>(ffn);
      apply(row, row + ffn, n, activated.row(slot));
      if (down_group > 0) {
        kernels_.quantize_activations(activated.row(slot), n, down_group, quantized_.row(slot, ffn));
      }
    }
  });
  const TensorView output = output_.view(n_slots_, args.down.n_out);
  multiply_experts(args.down, 0, output);

  // Each row sums its own slots, best expert first: the same order on any number of threads.
  pool_.parallel_for(static_cast<size_t>(n_rows), 4, [&](size_t begin, size_t end) {
    for (size_t row = begin; row < end; ++row) {
      float* out = args.out.row(static_cast<int64_t>(row));
      std::fill_n(out, args.out.n_cols, 0.0f);
      for (int64_t k = 0; k < args.n_used; ++k) {
        const size_t choice = row * static_cast<size_t>(args.n_used) + static_cast<size_t>(k);
        kernels_.scaled_add(output.row(slot_of_choice_[choice]), weight_of_choice_[choice],
                            static_cast<size_t>(args.out.n_cols), out);
      }
    }
  });
}

void CpuMoe::choose_experts(const MoeArgs& args) {
  const auto n_experts = static_cast<size_t>(args.router_logits.n_cols);
  const auto n_used = static_cast<size_t>(args.n_used);
  std::atomic<int64_t> next{0};
  pool_.run([&](int thread) {
    float* p = probabilities_.data() + static_cast<size_t>(thread) * n_experts;
    for (int64_t row; (row = next.fetch_add(1, std::memory_order_relaxed)) < args.x.n_rows;) {
      std::memcpy(p, args.router_logits.row(row), n_experts * sizeof(float));
      kernels_.softmax(p, n_experts);
      int32_t* chosen = expert_of_choice_.data() + static_cast<size_t>(row) * n_used;
      float* weights = weight_of_choice_.data() + static_cast<size_t>(row) * n_used;
      float sum = 0;
      for (size_t k = 0; k < n_used; ++k) {
        // The first of equals wins. A NaN never compares greater, so an index is always valid.
        size_t best = 0;
        float best_value = -1;
        for (size_t e = 0; e < n_experts; ++e) {
          if (p[e] > best_value) {
            best_value = p[e];
            best = e;
          }
        }
        chosen[k] = static_cast<int32_t>(best);
        weights[k] = std::max(best_value, 0.0f);
        p[best] = -2;
        sum += weights[k];
      }
      for (size_t k = 0; k < n_used; ++k) {
        if (args.renormalise && sum > 0) weights[k] /= sum;
        if (args.expert_scale) weights[k] *= args.expert_scale.data[chosen[k]];
      }
    }
  });
}

void CpuMoe::group_by_expert(const MoeArgs& args) {
  const auto n_experts = static_cast<size_t>(args.router_logits.n_cols);
  first_slot_.assign(n_experts + 1, 0);
  for (int64_t i = 0; i < n_slots_; ++i)
    ++first_slot_[static_cast<size_t>(expert_of_choice_[static_cast<size_t>(i)]) + 1];
  for (size_t e = 0; e < n_experts; ++e) first_slot_[e + 1] += first_slot_[e];
  // first_slot_ serves as each expert's next free slot, then is shifted back.
  for (int64_t i = 0; i < n_slots_; ++i) {
    const auto choice = static_cast<size_t>(i);
    const int32_t slot = first_slot_[static_cast<size_t>(expert_of_choice_[choice])]++;
    slot_of_choice_[choice] = slot;
    row_of_slot_[static_cast<size_t>(slot)] = static_cast<int32_t>(i / args.n_used);
  }
  for (size_t e = n_experts; e > 0; --e) first_slot_[e] = first_slot_[e - 1];
  first_slot_[0] = 0;
}

// Each row is quantised once; its slots get copies, so that the rows of an expert are adjacent.
void CpuMoe::gather_input(TensorView x, size_t activation_group) {
  const int64_t n_cols = x.n_cols;
  if (activation_group > 0) quantize_rows(kernels_, pool_, x, activation_group, quantized_rows_);
  const TensorView floats = input_.view(n_slots_, n_cols);
  pool_.parallel_for(static_cast<size_t>(n_slots_), 32, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const auto slot = static_cast<int64_t>(i);
      const int64_t row = row_of_slot_[i];
      if (activation_group > 0) {
        copy_row(quantized_rows_.row(row, n_cols), n_cols, quantized_.row(slot, n_cols));
      } else {
        std::memcpy(floats.row(slot), x.row(row), static_cast<size_t>(n_cols) * sizeof(float));
      }
    }
  });
}

size_t CpuMoe::group_of(const WeightView& stack) const {
  return kernels_.matmul[static_cast<size_t>(stack.dtype)].activation_group;
}

// Many rows: panels, so that threads share an expert with many tokens. A few: long runs of rows, a few for
// each thread, since each starts with bytes that nobody has asked for ahead of time.
void CpuMoe::list_tasks(int64_t n_out) {
  int64_t task_rows = kPanelRows;
  if (n_slots_ < kFewSlots) {
    const int64_t share = n_slots_ * n_out / (kTasksPerThread * pool_.n_threads());
    task_rows = std::max(share / kPanelRows * kPanelRows, kPanelRows);
  }
  tasks_.clear();
  for (size_t expert = 0; expert + 1 < first_slot_.size(); ++expert) {
    if (first_slot_[expert] == first_slot_[expert + 1]) continue;
    for (int64_t row = 0; row < n_out; row += task_rows) {
      tasks_.push_back({static_cast<int32_t>(expert), row, std::min(row + task_rows, n_out)});
    }
  }
}

// `input_` or `quantized_` holds the slots' inputs, stack.n_in wide.
void CpuMoe::multiply_experts(const WeightView& stack, int64_t out_col, TensorView out) {
  const TensorView input = input_.view(n_slots_, stack.n_in);
  list_tasks(stack.n_out);
  pool_.parallel_for(tasks_.size(), 1, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const Task& task = tasks_[i];
      const int32_t slot = first_slot_[static_cast<size_t>(task.expert)];
      const int32_t n_tokens = first_slot_[static_cast<size_t>(task.expert) + 1] - slot;
      matmul_rows(kernels_, stack.matrix(task.expert), task.first_row, task.end_row, input.row(slot),
                  quantized_.row(slot, stack.n_in), n_tokens, out.row(slot) + out_col, out.stride);
    }
  });
}

}  // namespace hearth::tensor
