// How the next token is chosen from the logits. Plain data with the ranges it is checked against.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/result.h"

namespace hearth::engine {

struct SamplingParams {
  float temperature = 0.8f;         // 0 = greedy; 0 … 100
  int top_k = 40;                   // 0 = off
  float top_p = 0.95f;              // (0, 1]; 1 = off
  float min_p = 0.05f;              // [0, 1]; 0 = off; relative to the most likely token
  float typical_p = 1.0f;           // (0, 1]; 1 = off (arXiv:2202.00666)
  float repetition_penalty = 1.0f;  // > 0; 1 = off (arXiv:1909.05858)
  float frequency_penalty = 0.0f;   // -2 … 2
  float presence_penalty = 0.0f;    // -2 … 2
  int penalty_window = 64;          // tokens looked back at; -1 = the whole context
  std::vector<std::pair<int32_t, float>> logit_bias;
  std::optional<uint64_t> seed;  // absent = drawn at random

  // kInvalidArgument names the field and its range.
  Status validate(size_t vocab_size) const;
};

// A request's wishes: what is absent comes from the model file, then from SamplingParams' defaults.
struct SamplingOverrides {
  std::optional<float> temperature, top_p, min_p, typical_p;
  std::optional<float> repetition_penalty, frequency_penalty, presence_penalty;
  std::optional<int> top_k, penalty_window;
  std::optional<uint64_t> seed;
  std::vector<std::pair<int32_t, float>> logit_bias;

  SamplingParams applied_to(SamplingParams defaults) const;
};

}  // namespace hearth::engine
