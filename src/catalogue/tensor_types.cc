#include "catalogue/tensor_types.h"

namespace hearth::catalogue {

using kernels::DType;

std::vector<DType> choose_types(const convert::QuantMix& mix, const ModelSpec& spec,
                                std::span<const ModelTensor> tensors) {
  std::vector<convert::MixTensor> named;
  for (const ModelTensor& tensor : tensors) named.push_back({tensor.name, tensor.dims});
  const convert::MixModel model = {.architecture = architecture_name(spec.architecture),
                                   .n_layers = spec.n_layers,
                                   .n_heads = spec.n_heads,
                                   .n_kv_heads = spec.n_kv_heads,
                                   .n_experts = spec.n_experts};
  const auto chosen = convert::choose_types(mix, model, named);
  std::vector<DType> types;
  for (size_t i = 0; i < tensors.size(); ++i) {
    // A matrix all the same: published files have 16 bits here.
    const bool projection = tensors[i].name == "per_layer_model_proj.weight";
    types.push_back(chosen[i].value_or(projection ? DType::kF16 : DType::kF32));
  }
  return types;
}

}  // namespace hearth::catalogue
