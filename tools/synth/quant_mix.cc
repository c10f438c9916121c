#include "synth/quant_mix.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

namespace hearth::synth {
namespace {

using kernels::DType;

constexpr QuantMix kMixes[] = {
    {"f32", DType::kF32, 0},      {"f16", DType::kF16, 1},        {"bf16", DType::kBF16, 32},
    {"q8_0", DType::kQ8_0, 7},    {"q4_0", DType::kQ4_0, 2},      {"q4_1", DType::kQ4_1, 3},
    {"q5_0", DType::kQ5_0, 8},    {"q5_1", DType::kQ5_1, 9},      {"q2_k", DType::kQ2_K, 10},
    {"q3_k", DType::kQ3_K, 11},   {"q4_k_m", DType::kQ4_K, 15},   {"q5_k_m", DType::kQ5_K, 17},
    {"q6_k", DType::kQ6_K, 18},   {"iq4_nl", DType::kIQ4_NL, 25}, {"iq4_xs", DType::kIQ4_XS, 30},
    {"mxfp4", DType::kMXFP4, 38},
};

bool is_float(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16;
}

// The first and last eighth of the layers and every third between get more bits in the _M mixes.
bool use_more(uint64_t index, uint64_t n) {
  return index < n / 8 || index >= 7 * n / 8 || (index - n / 8) % 3 == 2;
}

// "blk.12.attn_v.weight" -> layer 12, part "attn_v.weight"; others: layer 0, part = name.
struct ParsedName {
  uint64_t layer = 0;
  std::string_view part;

  explicit ParsedName(std::string_view name) : part(name) {
    constexpr std::string_view kBlock = "blk.";
    if (!name.starts_with(kBlock)) return;
    const auto [end, error] = std::from_chars(name.data() + kBlock.size(), name.data() + name.size(), layer);
    part.remove_prefix(static_cast<size_t>(end - name.data()) + 1);
  }
};

// Vectors, norms, routers and small tables keep their values as floats in every mix.
bool stays_float(const SynthTensor& tensor) {
  const std::string_view name = tensor.name;
  return tensor.dims.size() < 2 || !name.ends_with(".weight") || name.ends_with("_norm.weight") ||
         name.find("ffn_gate_inp") != name.npos || name == "position_embd.weight" ||
         name == "token_types.weight";
}

// What replaces a type whose blocks do not divide the row.
DType fit_row(DType dtype, uint64_t row) {
  if (row % kernels::traits_of(dtype).block_size == 0) return dtype;
  switch (dtype) {
    case DType::kQ4_K:
      dtype = DType::kQ5_0;
      break;
    case DType::kQ5_K:
      dtype = DType::kQ5_1;
      break;
    case DType::kQ6_K:
      dtype = DType::kQ8_0;
      break;
    case DType::kQ2_K:
    case DType::kQ3_K:
    case DType::kIQ4_XS:
      dtype = DType::kIQ4_NL;
      break;
    default:
      break;
  }
  return row % kernels::traits_of(dtype).block_size == 0 ? dtype : DType::kF16;
}

class TypeChooser {
 public:
  TypeChooser(const QuantMix& mix, const ModelSpec& spec, std::span<const SynthTensor> tensors)
      : mix_(mix), spec_(spec) {
    for (const SynthTensor& tensor : tensors) {
      n_values_ += tensor.name.ends_with("attn_v.weight");
      has_output_ |= tensor.name == "output.weight";
    }
  }

  DType choose(const SynthTensor& tensor);

 private:
  DType head() const { return mix_.matrices == DType::kQ8_0 ? DType::kQ8_0 : DType::kQ6_K; }
  DType values();
  DType down(uint64_t layer) const;
  bool is_m() const { return mix_.name.ends_with("_k_m"); }
  bool is_iq4() const { return mix_.matrices == DType::kIQ4_NL || mix_.matrices == DType::kIQ4_XS; }

  const QuantMix& mix_;
  const ModelSpec& spec_;
  uint64_t n_values_ = 0;  // attn_v tensors in the model
  uint64_t values_seen_ = 0;
  bool has_output_ = false;
};

DType TypeChooser::values() {
  const uint64_t index = values_seen_++;
  DType dtype = mix_.matrices;
  if (is_m() && use_more(index, n_values_)) dtype = DType::kQ6_K;
  if (is_iq4() && spec_.n_heads >= 4 * spec_.n_kv_heads) dtype = DType::kQ5_K;
  const bool is_70b = spec_.architecture == Architecture::kLlama && spec_.n_layers == 80;
  if (is_70b && dtype == DType::kQ4_K) dtype = DType::kQ5_K;
  if (is_m() && spec_.n_experts == 8) dtype = DType::kQ8_0;
  return dtype;
}

DType TypeChooser::down(uint64_t layer) const {
  if (is_m() && use_more(layer, spec_.n_layers)) return DType::kQ6_K;
  if (is_iq4() && layer < spec_.n_layers / 8) return DType::kQ5_K;
  return mix_.matrices;
}

DType TypeChooser::choose(const SynthTensor& tensor) {
  if (stays_float(tensor)) return DType::kF32;
  if (is_float(mix_.matrices)) return mix_.matrices;
  const ParsedName name(tensor.name);
  if (name.part == "per_layer_model_proj.weight") return DType::kF16;
  if (mix_.matrices == DType::kMXFP4) {
    const bool expert = name.part.find("_exps.") != name.part.npos;
    return fit_row(expert ? DType::kMXFP4 : DType::kQ8_0, tensor.dims[0]);
  }

  DType dtype = mix_.matrices;
  if (name.part == "output.weight") {
    dtype = head();
  } else if (name.part == "token_embd.weight" || name.part == "per_layer_token_embd.weight") {
    if (!has_output_) dtype = head();
  } else if (name.part == "attn_v.weight") {
    dtype = values();
  } else if (name.part == "ffn_down.weight" || name.part == "ffn_down_exps.weight") {
    dtype = down(name.layer);
  } else if (name.part == "attn_qkv.weight" && is_m()) {
    dtype = mix_.matrices == DType::kQ4_K ? DType::kQ5_K : DType::kQ6_K;
  } else if (name.part == "attn_k.weight" && is_m() && spec_.n_experts == 8) {
    dtype = DType::kQ8_0;
  } else if (name.part == "attn_output.weight" && is_m() && spec_.n_experts == 8) {
    dtype = DType::kQ5_K;
  }
  return fit_row(dtype, tensor.dims[0]);
}

}  // namespace

Result<QuantMix> find_quant_mix(std::string_view name) {
  for (const QuantMix& mix : kMixes) {
    if (mix.name == name) return mix;
  }
  return fail(ErrorCategory::kInvalidArgument, "quantisation {} is unknown; there are {}", name,
              fmt::join(quant_mix_names(), ", "));
}

std::vector<std::string_view> quant_mix_names() {
  std::vector<std::string_view> names;
  for (const QuantMix& mix : kMixes) names.push_back(mix.name);
  return names;
}

std::vector<DType> choose_types(const QuantMix& mix, const ModelSpec& spec,
                                std::span<const SynthTensor> tensors) {
  TypeChooser chooser(mix, spec, tensors);
  std::vector<DType> types;
  for (const SynthTensor& tensor : tensors) types.push_back(chooser.choose(tensor));
  return types;
}

}  // namespace hearth::synth
