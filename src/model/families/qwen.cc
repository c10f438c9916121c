// Qwen 2 and 2.5 (and the DeepSeek-R1 distills of them): Llama with biases on q, k and v.
// Qwen 3: no biases, each head of q and k is normalised before the rotation; the mixture has no dense branch.
#include "model/families/list.h"

namespace hearth::model {

const Family kQwen2 = {"qwen2", "Qwen 2, Qwen 2.5, DeepSeek-R1-Distill-Qwen",
                       [](const gguf::Metadata&, ModelConfig& config) -> Status {
                         config.qkv_bias = true;
                         return {};
                       }};

const Family kQwen3 = {"qwen3", "Qwen 3", [](const gguf::Metadata&, ModelConfig& config) -> Status {
                         config.qk_norm = true;
                         return {};
                       }};

const Family kQwen3Moe = {
    "qwen3moe", "Qwen 3 mixture of experts", [](const gguf::Metadata&, ModelConfig& config) -> Status {
      if (config.moe.n_experts == 0) {
        return fail(ErrorCategory::kCorrupt, "key qwen3moe.expert_count is missing or 0");
      }
      config.qk_norm = true;
      for (LayerConfig& layer : config.layers) layer.ffn_dim = 0;
      return {};
    }};

}  // namespace hearth::model
