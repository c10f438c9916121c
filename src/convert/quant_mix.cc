#include "convert/quant_mix.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

namespace hearth::convert {
namespace {

using kernels::DType;

constexpr QuantMix kMixes[] = {
    {"F32", DType::kF32, 0},        {"F16", DType::kF16, 1},      {"BF16", DType::kBF16, 32},
    {"Q8_0", DType::kQ8_0, 7},      {"Q4_0", DType::kQ4_0, 2},    {"Q4_1", DType::kQ4_1, 3},
    {"Q5_0", DType::kQ5_0, 8},      {"Q5_1", DType::kQ5_1, 9},    {"Q2_K", DType::kQ2_K, 10},
    {"Q3_K_S", DType::kQ3_K, 11},   {"Q3_K_M", DType::kQ3_K, 12}, {"Q3_K_L", DType::kQ3_K, 13},
    {"Q4_K_S", DType::kQ4_K, 14},   {"Q4_K_M", DType::kQ4_K, 15}, {"Q5_K_S", DType::kQ5_K, 16},
    {"Q5_K_M", DType::kQ5_K, 17},   {"Q6_K", DType::kQ6_K, 18},   {"IQ4_NL", DType::kIQ4_NL, 25},
    {"IQ4_XS", DType::kIQ4_XS, 30}, {"MXFP4", DType::kMXFP4, 38},
};

char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

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
    const char* const end_of_name = name.data() + name.size();
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(name.data() + kBlock.size(), end_of_name, number);
    if (error != std::errc() || end == end_of_name || *end != '.') return;
    layer = number;
    part.remove_prefix(static_cast<size_t>(end - name.data()) + 1);
  }
};

// Vectors, norms, routers and small tables keep their values as floats in every mix.
bool stays_as_it_is(const MixTensor& tensor) {
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
  TypeChooser(const QuantMix& mix, const MixModel& model, std::span<const MixTensor> tensors)
      : mix_(mix), model_(model) {
    for (const MixTensor& tensor : tensors) {
      n_values_ += tensor.name.ends_with("attn_v.weight");
      has_output_ |= tensor.name == "output.weight";
    }
  }

  std::optional<DType> choose(const MixTensor& tensor);

 private:
  bool is(std::string_view name) const { return mix_.name == name; }
  bool is_m() const { return is("Q4_K_M") || is("Q5_K_M"); }
  bool is_iq4() const { return is("IQ4_NL") || is("IQ4_XS"); }
  bool eight_experts() const { return model_.n_experts == 8; }
  bool few_kv_heads() const { return model_.n_kv_heads > 0 && model_.n_heads >= 4 * model_.n_kv_heads; }
  DType head() const { return is("Q8_0") ? DType::kQ8_0 : DType::kQ6_K; }
  DType values();
  DType down(uint64_t layer) const;
  DType attention_output() const;
  DType fused_attention() const;

  const QuantMix& mix_;
  const MixModel& model_;
  uint64_t n_values_ = 0;  // attn_v tensors in the model
  uint64_t values_seen_ = 0;
  bool has_output_ = false;
};

DType TypeChooser::values() {
  const uint64_t index = values_seen_++;
  DType dtype = mix_.matrices;
  if (is("Q2_K")) dtype = few_kv_heads() ? DType::kQ4_K : DType::kQ3_K;
  if (is("Q3_K_M")) dtype = index < 2 ? DType::kQ5_K : DType::kQ4_K;
  if (is("Q3_K_L")) dtype = DType::kQ5_K;
  if (is("Q4_K_S") && index < 4) dtype = DType::kQ5_K;
  if (is_m() && use_more(index, n_values_)) dtype = DType::kQ6_K;
  if (is_iq4() && few_kv_heads()) dtype = DType::kQ5_K;
  const bool is_70b = model_.architecture == "llama" && model_.n_layers == 80;
  if (is_70b && (dtype == DType::kQ3_K || dtype == DType::kQ4_K)) dtype = DType::kQ5_K;
  return eight_experts() ? DType::kQ8_0 : dtype;
}

DType TypeChooser::down(uint64_t layer) const {
  const uint64_t n = model_.n_layers;
  const bool early = layer < n / 8;
  if (is("Q2_K")) return DType::kQ3_K;
  if (is("Q3_K_M")) return layer < n / 16 ? DType::kQ5_K : DType::kQ4_K;
  if (is("Q3_K_L")) return DType::kQ5_K;
  if (is("Q4_K_S") && early) return DType::kQ5_K;
  if (is_m() && use_more(layer, n)) return DType::kQ6_K;
  if (is_iq4() && early && !model_.has_importance) return DType::kQ5_K;
  if (is("Q4_0") && early && model_.has_importance) return DType::kQ4_1;
  if (is("Q5_0") && early && model_.has_importance) return DType::kQ5_1;
  return mix_.matrices;
}

DType TypeChooser::attention_output() const {
  if (eight_experts()) {
    const bool small = mix_.matrices == DType::kQ2_K || mix_.matrices == DType::kQ3_K ||
                       mix_.matrices == DType::kQ4_K || is_iq4();
    return small ? DType::kQ5_K : mix_.matrices;
  }
  if (is("Q2_K")) return DType::kQ3_K;
  if (is("Q3_K_M")) return DType::kQ4_K;
  if (is("Q3_K_L")) return DType::kQ5_K;
  return mix_.matrices;
}

DType TypeChooser::fused_attention() const {
  if (is("Q3_K_M") || is("Q3_K_L")) return DType::kQ4_K;
  if (is("Q4_K_M")) return DType::kQ5_K;
  return is("Q5_K_M") ? DType::kQ6_K : mix_.matrices;
}

std::optional<DType> TypeChooser::choose(const MixTensor& tensor) {
  if (stays_as_it_is(tensor)) return std::nullopt;
  if (is_float(mix_.matrices)) return mix_.matrices;
  const ParsedName name(tensor.name);
  if (name.part == "per_layer_model_proj.weight") return std::nullopt;
  if (is("MXFP4")) {
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
  } else if (name.part == "attn_qkv.weight") {
    dtype = fused_attention();
  } else if (name.part == "attn_k.weight" && eight_experts()) {
    dtype = DType::kQ8_0;
  } else if (name.part == "attn_output.weight") {
    dtype = attention_output();
  }
  return fit_row(dtype, tensor.dims[0]);
}

}  // namespace

Result<QuantMix> find_quant_mix(std::string_view name) {
  std::string wanted(name);
  std::transform(wanted.begin(), wanted.end(), wanted.begin(), upper);
  if (wanted == "Q3_K" || wanted == "Q4_K" || wanted == "Q5_K") wanted += "_M";
  for (const QuantMix& mix : kMixes) {
    if (mix.name == wanted) return mix;
  }
  return fail(ErrorCategory::kInvalidArgument, "quantisation {} is unknown; there are {}", name,
              fmt::join(quant_mix_names(), ", "));
}

std::vector<std::string_view> quant_mix_names() {
  std::vector<std::string_view> names;
  for (const QuantMix& mix : kMixes) names.push_back(mix.name);
  return names;
}

std::vector<std::optional<DType>> choose_types(const QuantMix& mix, const MixModel& model,
                                               std::span<const MixTensor> tensors) {
  TypeChooser chooser(mix, model, tensors);
  std::vector<std::optional<DType>> types;
  for (const MixTensor& tensor : tensors) types.push_back(chooser.choose(tensor));
  return types;
}

}  // namespace hearth::convert
