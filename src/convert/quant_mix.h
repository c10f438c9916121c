// Which tensor gets which type in a file of a given quantisation, as published files have it: the same names,
// and for the same name the same types.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kernels/dtype.h"

namespace hearth::convert {

struct QuantMix {
  std::string_view name;    // "Q4_K_M"
  kernels::DType matrices;  // most of the model
  uint32_t file_type;       // general.file_type
};

// Capital or small letters; "Q4_K" is Q4_K_M, likewise Q3_K and Q5_K. The error lists the names there are.
Result<QuantMix> find_quant_mix(std::string_view name);
std::vector<std::string_view> quant_mix_names();

// A tensor as the rules see it: dims in GGUF order.
struct MixTensor {
  std::string_view name;
  std::span<const uint64_t> dims;
};

// What else the rules depend on.
struct MixModel {
  std::string_view architecture;
  uint64_t n_layers = 0;
  uint64_t n_heads = 0;
  uint64_t n_kv_heads = 0;
  uint64_t n_experts = 0;
  bool has_importance = false;  // an importance matrix says where errors count
};

// One type per tensor; nullopt for those that no mix touches: vectors, norms, routers, small tables.
std::vector<std::optional<kernels::DType>> choose_types(const QuantMix& mix, const MixModel& model,
                                                        std::span<const MixTensor> tensors);

}  // namespace hearth::convert
