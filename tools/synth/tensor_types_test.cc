// The mixes against what published files are known to hold.
#include "catalogue/tensor_types.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

namespace hearth::synth {

using namespace catalogue;
namespace {

using convert::find_quant_mix;
using kernels::DType;

struct TypedModel {
  ModelSpec spec;
  std::vector<ModelTensor> tensors;
  std::vector<DType> types;

  TypedModel(std::string_view model, std::string_view quant)
      : spec(*find_model_spec(model)),
        tensors(list_tensors(spec)),
        types(choose_types(*find_quant_mix(quant), spec, tensors)) {}

  DType type_of(std::string_view name) const {
    for (size_t i = 0; i < tensors.size(); ++i) {
      if (tensors[i].name == name) return types[i];
    }
    ADD_FAILURE() << "no tensor " << name;
    return DType::kF32;
  }
  uint64_t bytes_of(size_t i) const {
    return tensors[i].n_elements() / kernels::traits_of(types[i]).block_size *
           kernels::traits_of(types[i]).block_bytes;
  }
  // Read per decoded token: all but the tables of which one row is looked up, and the chosen experts only.
  // With `small_matrices` the few matrices that stay floats count as if they had that type.
  double active_bytes(std::optional<DType> small_matrices = std::nullopt) const {
    double sum = 0;
    for (size_t i = 0; i < tensors.size(); ++i) {
      const std::string& name = tensors[i].name;
      if (name == "per_layer_token_embd.weight" || (name == "token_embd.weight" && !spec.tied)) continue;
      const bool expert = name.find("_exps.weight") != name.npos;
      const bool kept = types[i] == DType::kF16 || (types[i] == DType::kF32 && tensors[i].dims.size() > 1);
      if (kept && small_matrices) {
        sum += static_cast<double>(kernels::row_bytes(*small_matrices, tensors[i].n_elements()));
        continue;
      }
      sum += static_cast<double>(bytes_of(i)) * (expert ? 1.0 * spec.n_experts_used / spec.n_experts : 1.0);
    }
    return sum;
  }
  uint64_t n_parameters() const {
    uint64_t sum = 0;
    for (const ModelTensor& tensor : tensors) sum += tensor.n_elements();
    return sum;
  }
};

struct KnownSize {
  std::string_view model;
  double parameters;  // billions
  double q4_0;        // GB a token
  double q4_k_m;
};

class KnownSizes : public ::testing::TestWithParam<KnownSize> {};

TEST_P(KnownSizes, ParametersAndBytesPerTokenAreThoseOfTheRealModel) {
  const KnownSize& known = GetParam();
  const TypedModel q4_0(known.model, "q4_0");
  EXPECT_NEAR(static_cast<double>(q4_0.n_parameters()) / 1e9, known.parameters, 0.001 * known.parameters);
  // The known numbers have two decimals.
  EXPECT_NEAR(q4_0.active_bytes(DType::kQ4_0) / 1e9, known.q4_0, 0.01 * known.q4_0 + 0.005);
  const TypedModel q4_k_m(known.model, "q4_k_m");
  EXPECT_NEAR(q4_k_m.active_bytes() / 1e9, known.q4_k_m, 0.01 * known.q4_k_m + 0.005);
}

INSTANTIATE_TEST_SUITE_P(Models, KnownSizes,
                         ::testing::Values(KnownSize{"gemma4-e2b", 4.629, 1.39, 1.47},
                                           KnownSize{"gemma4-e4b", 7.463, 2.79, 2.97},
                                           KnownSize{"gemma4-12b", 11.907, 6.96, 7.37},
                                           KnownSize{"gemma4-26b-a4b", 25.233, 2.34, 2.59},
                                           KnownSize{"gemma4-31b", 30.697, 17.63, 18.67},
                                           KnownSize{"llama-3.1-8b", 8.030, 4.36, 4.62},
                                           KnownSize{"llama-3.3-70b", 70.554, 39.4, 41.9},
                                           KnownSize{"qwen2-14b", 14.770, 8.07, 8.54},
                                           KnownSize{"qwen3-0.6b", 0.596, 0.38, 0.39},
                                           KnownSize{"qwen3-8b", 8.191, 4.42, 4.67},
                                           KnownSize{"qwen3-30b-a3b", 30.532, 1.79, 1.92}),
                         [](const auto& info) {
                           std::string name(info.param.model);
                           for (char& c : name) c = c == '-' || c == '.' ? '_' : c;
                           return name;
                         });

TEST(QuantMix, Gemma26BQ4KMTensorByTensor) {
  const TypedModel model("gemma4-26b-a4b", "q4_k_m");
  // 30 layers: the first 3, the last 4 and every third between have more bits. 2112 and 704 are no multiples
  // of 256, so down projections fall back.
  for (uint32_t layer = 0; layer < 30; ++layer) {
    const bool more = layer < 3 || layer >= 26 || (layer - 3) % 3 == 2;
    const std::string block = "blk." + std::to_string(layer) + ".";
    EXPECT_EQ(model.type_of(block + "attn_q.weight"), DType::kQ4_K);
    EXPECT_EQ(model.type_of(block + "attn_output.weight"), DType::kQ4_K);
    EXPECT_EQ(model.type_of(block + "ffn_gate.weight"), DType::kQ4_K);
    EXPECT_EQ(model.type_of(block + "ffn_gate_up_exps.weight"), DType::kQ4_K);
    EXPECT_EQ(model.type_of(block + "ffn_down.weight"), more ? DType::kQ8_0 : DType::kQ5_0) << layer;
    EXPECT_EQ(model.type_of(block + "ffn_down_exps.weight"), more ? DType::kQ8_0 : DType::kQ5_0) << layer;
    EXPECT_EQ(model.type_of(block + "ffn_gate_inp.weight"), DType::kF32);
    EXPECT_EQ(model.type_of(block + "ffn_down_exps.scale"), DType::kF32);
    EXPECT_EQ(model.type_of(block + "attn_norm.weight"), DType::kF32);
  }
  EXPECT_EQ(model.type_of("token_embd.weight"), DType::kQ6_K);
  EXPECT_EQ(model.type_of("rope_freqs.weight"), DType::kF32);
  // 25 layers have values of their own; they are counted by themselves.
  uint32_t index = 0;
  for (uint32_t layer = 0; layer < 30; ++layer) {
    if (!model.spec.has_values(layer)) continue;
    const bool more = index < 3 || index >= 21 || (index - 3) % 3 == 2;
    EXPECT_EQ(model.type_of("blk." + std::to_string(layer) + ".attn_v.weight"),
              more ? DType::kQ6_K : DType::kQ4_K);
    ++index;
  }
  EXPECT_EQ(index, 25u);
}

TEST(QuantMix, SpecialCases) {
  const TypedModel llama("llama-3.1-8b", "q4_k_m");
  EXPECT_EQ(llama.type_of("token_embd.weight"), DType::kQ4_K);
  EXPECT_EQ(llama.type_of("output.weight"), DType::kQ6_K);
  EXPECT_EQ(TypedModel("llama-3.3-70b", "q4_k_m").type_of("blk.10.attn_v.weight"), DType::kQ5_K);
  const TypedModel e2b("gemma4-e2b", "q4_k_m");
  EXPECT_EQ(e2b.type_of("per_layer_token_embd.weight"), DType::kQ6_K);
  EXPECT_EQ(e2b.type_of("per_layer_model_proj.weight"), DType::kF16);
  const TypedModel minilm("minilm-l6", "q4_k_m");
  EXPECT_EQ(minilm.type_of("blk.1.ffn_up.weight"), DType::kQ5_0);
  EXPECT_EQ(minilm.type_of("token_embd.weight"), DType::kQ8_0);
  EXPECT_EQ(minilm.type_of("position_embd.weight"), DType::kF32);
  EXPECT_EQ(minilm.type_of("blk.1.attn_q.bias"), DType::kF32);
  EXPECT_EQ(TypedModel("nomic-embed-v1.5", "q4_k_m").type_of("blk.1.attn_qkv.weight"), DType::kQ5_K);
  const TypedModel fp4("qwen3-30b-a3b", "mxfp4");
  EXPECT_EQ(fp4.type_of("blk.7.ffn_gate_exps.weight"), DType::kMXFP4);
  EXPECT_EQ(fp4.type_of("blk.7.attn_q.weight"), DType::kQ8_0);
  EXPECT_EQ(TypedModel("tiny-qwen3moe", "q4_k_m").type_of("blk.1.attn_k.weight"), DType::kQ8_0);
}

TEST(QuantMix, UnknownNamesListTheKnown) {
  const auto mix = find_quant_mix("q4_9");
  ASSERT_FALSE(mix.has_value());
  EXPECT_THAT(mix.error().message, ::testing::HasSubstr("q4_9 is unknown; there are F32, F16"));
}

TEST(ModelSpec, FewerLayersKeepTheDonorsOfSharedKeys) {
  for (std::string_view name : {"gemma4-e2b", "gemma4-e4b"}) {
    for (uint32_t layers = 1; layers <= 50; ++layers) {
      const ModelSpec spec = find_model_spec(name)->with_layers(layers);
      const uint32_t owning = layers - spec.shared_kv_layers;
      EXPECT_FALSE(spec.is_sliding(layers - 1));
      if (spec.shared_kv_layers == 0) continue;
      EXPECT_FALSE(spec.is_sliding(owning - 1)) << layers;
      EXPECT_TRUE(spec.is_sliding(owning - 2)) << layers;
    }
    EXPECT_EQ(find_model_spec(name)->with_layers(find_model_spec(name)->n_layers).shared_kv_layers,
              find_model_spec(name)->shared_kv_layers);
  }
}

}  // namespace
}  // namespace hearth::synth
