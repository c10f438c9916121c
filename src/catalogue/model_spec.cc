#include "catalogue/model_spec.h"

#include <algorithm>

namespace hearth::catalogue {
namespace {

using enum Architecture;

constexpr uint32_t kTinyVocab = 512;

// clang-format off
constexpr ModelSpec kSpecs[] = {
    {.name = "llama-3.1-8b", .architecture = kLlama, .n_layers = 32, .hidden = 4096, .ffn = 14336, .n_heads = 32,
     .n_kv_heads = 8, .head_dim = 128, .vocab = 128256, .context = 131072, .rope_base = 5e5f, .norm_eps = 1e-5f,
     .rope_factor = 8},
    {.name = "llama-3.3-70b", .architecture = kLlama, .n_layers = 80, .hidden = 8192, .ffn = 28672, .n_heads = 64,
     .n_kv_heads = 8, .head_dim = 128, .vocab = 128256, .context = 131072, .rope_base = 5e5f, .norm_eps = 1e-5f,
     .rope_factor = 8},
    {.name = "llama-3.2-1b", .architecture = kLlama, .n_layers = 16, .hidden = 2048, .ffn = 8192, .n_heads = 32,
     .n_kv_heads = 8, .head_dim = 64, .vocab = 128256, .context = 131072, .rope_base = 5e5f, .norm_eps = 1e-5f,
     .tied = true, .rope_factor = 32},
    {.name = "qwen2-14b", .architecture = kQwen2, .n_layers = 48, .hidden = 5120, .ffn = 13824, .n_heads = 40,
     .n_kv_heads = 8, .head_dim = 128, .vocab = 152064, .context = 131072, .rope_base = 1e6f, .norm_eps = 1e-5f},
    {.name = "qwen3-0.6b", .architecture = kQwen3, .n_layers = 28, .hidden = 1024, .ffn = 3072, .n_heads = 16,
     .n_kv_heads = 8, .head_dim = 128, .vocab = 151936, .context = 40960, .rope_base = 1e6f, .tied = true},
    {.name = "qwen3-8b", .architecture = kQwen3, .n_layers = 36, .hidden = 4096, .ffn = 12288, .n_heads = 32,
     .n_kv_heads = 8, .head_dim = 128, .vocab = 151936, .context = 40960, .rope_base = 1e6f},
    {.name = "qwen3-30b-a3b", .architecture = kQwen3Moe, .n_layers = 48, .hidden = 2048, .ffn = 6144, .n_heads = 32,
     .n_kv_heads = 4, .head_dim = 128, .vocab = 151936, .context = 40960, .rope_base = 1e6f, .n_experts = 128,
     .n_experts_used = 8, .expert_ffn = 768},
    {.name = "gemma4-e2b", .architecture = kGemma4, .n_layers = 35, .hidden = 1536, .ffn = 6144, .n_heads = 8,
     .n_kv_heads = 1, .head_dim = 256, .vocab = 262144, .context = 131072, .rope_base = 1e6f, .tied = true,
     .global_every = 5, .window = 512, .n_kv_heads_global = 1, .head_dim_global = 512, .rope_base_sliding = 1e4f,
     .shared_kv_layers = 20, .wide_shared_ffn = true, .per_layer_dim = 256},
    {.name = "gemma4-e4b", .architecture = kGemma4, .n_layers = 42, .hidden = 2560, .ffn = 10240, .n_heads = 8,
     .n_kv_heads = 2, .head_dim = 256, .vocab = 262144, .context = 131072, .rope_base = 1e6f, .tied = true,
     .global_every = 6, .window = 512, .n_kv_heads_global = 2, .head_dim_global = 512, .rope_base_sliding = 1e4f,
     .shared_kv_layers = 18, .per_layer_dim = 256},
    {.name = "gemma4-12b", .architecture = kGemma4, .n_layers = 48, .hidden = 3840, .ffn = 15360, .n_heads = 16,
     .n_kv_heads = 8, .head_dim = 256, .vocab = 262144, .context = 262144, .rope_base = 1e6f, .tied = true,
     .global_every = 6, .window = 1024, .n_kv_heads_global = 1, .head_dim_global = 512, .rope_base_sliding = 1e4f,
     .global_values_are_keys = true},
    {.name = "gemma4-26b-a4b", .architecture = kGemma4, .n_layers = 30, .hidden = 2816, .ffn = 2112, .n_heads = 16,
     .n_kv_heads = 8, .head_dim = 256, .vocab = 262144, .context = 262144, .rope_base = 1e6f, .tied = true,
     .n_experts = 128, .n_experts_used = 8, .expert_ffn = 704, .global_every = 6, .window = 1024,
     .n_kv_heads_global = 2, .head_dim_global = 512, .rope_base_sliding = 1e4f, .global_values_are_keys = true},
    {.name = "gemma4-31b", .architecture = kGemma4, .n_layers = 60, .hidden = 5376, .ffn = 21504, .n_heads = 32,
     .n_kv_heads = 16, .head_dim = 256, .vocab = 262144, .context = 262144, .rope_base = 1e6f, .tied = true,
     .global_every = 6, .window = 1024, .n_kv_heads_global = 4, .head_dim_global = 512, .rope_base_sliding = 1e4f,
     .global_values_are_keys = true},
    {.name = "embeddinggemma-300m", .architecture = kGemmaEmbedding, .n_layers = 24, .hidden = 768, .ffn = 1152,
     .n_heads = 3, .n_kv_heads = 1, .head_dim = 256, .vocab = 262144, .context = 2048, .rope_base = 1e6f, .tied = true,
     .global_every = 6, .window = 512, .n_kv_heads_global = 1, .head_dim_global = 256, .rope_base_sliding = 1e4f,
     .dense_head = 3072},
    {.name = "nomic-embed-v1.5", .architecture = kNomicBert, .n_layers = 12, .hidden = 768, .ffn = 3072, .n_heads = 12,
     .n_kv_heads = 12, .head_dim = 64, .vocab = 30528, .context = 2048, .rope_base = 1000, .norm_eps = 1e-12f,
     .tied = true},
    {.name = "minilm-l6", .architecture = kBert, .n_layers = 6, .hidden = 384, .ffn = 1536, .n_heads = 12,
     .n_kv_heads = 12, .head_dim = 32, .vocab = 30522, .context = 512, .norm_eps = 1e-12f, .tied = true},
    {.name = "llama-3.2-3b", .architecture = kLlama, .n_layers = 28, .hidden = 3072, .ffn = 8192, .n_heads = 24,
     .n_kv_heads = 8, .head_dim = 128, .vocab = 128256, .context = 131072, .rope_base = 5e5f, .norm_eps = 1e-5f,
     .tied = true, .rope_factor = 32},
    {.name = "qwen2-1.5b", .architecture = kQwen2, .n_layers = 28, .hidden = 1536, .ffn = 8960, .n_heads = 12,
     .n_kv_heads = 2, .head_dim = 128, .vocab = 151936, .context = 131072, .rope_base = 1e4f},
    {.name = "qwen2-7b", .architecture = kQwen2, .n_layers = 28, .hidden = 3584, .ffn = 18944, .n_heads = 28,
     .n_kv_heads = 4, .head_dim = 128, .vocab = 152064, .context = 131072, .rope_base = 1e4f},
    {.name = "qwen2-32b", .architecture = kQwen2, .n_layers = 64, .hidden = 5120, .ffn = 27648, .n_heads = 40,
     .n_kv_heads = 8, .head_dim = 128, .vocab = 152064, .context = 131072, .rope_base = 1e6f, .norm_eps = 1e-5f},
    {.name = "qwen3-1.7b", .architecture = kQwen3, .n_layers = 28, .hidden = 2048, .ffn = 6144, .n_heads = 16,
     .n_kv_heads = 8, .head_dim = 128, .vocab = 151936, .context = 40960, .rope_base = 1e6f, .tied = true},
    {.name = "qwen3-4b", .architecture = kQwen3, .n_layers = 36, .hidden = 2560, .ffn = 9728, .n_heads = 32,
     .n_kv_heads = 8, .head_dim = 128, .vocab = 151936, .context = 40960, .rope_base = 1e6f, .tied = true},
    {.name = "qwen3-14b", .architecture = kQwen3, .n_layers = 40, .hidden = 5120, .ffn = 17408, .n_heads = 40,
     .n_kv_heads = 8, .head_dim = 128, .vocab = 151936, .context = 40960, .rope_base = 1e6f},
    {.name = "qwen3-32b", .architecture = kQwen3, .n_layers = 64, .hidden = 5120, .ffn = 25600, .n_heads = 64,
     .n_kv_heads = 8, .head_dim = 128, .vocab = 151936, .context = 40960, .rope_base = 1e6f},
    {.name = "bge-base-en-v1.5", .architecture = kBert, .n_layers = 12, .hidden = 768, .ffn = 3072, .n_heads = 12,
     .n_kv_heads = 12, .head_dim = 64, .vocab = 30522, .context = 512, .norm_eps = 1e-12f, .tied = true},
    {.name = "bge-large-en-v1.5", .architecture = kBert, .n_layers = 24, .hidden = 1024, .ffn = 4096, .n_heads = 16,
     .n_kv_heads = 16, .head_dim = 64, .vocab = 30522, .context = 512, .norm_eps = 1e-12f, .tied = true},

    {.name = "tiny-llama", .architecture = kLlama, .n_layers = 4, .hidden = 256, .ffn = 512, .n_heads = 8,
     .n_kv_heads = 2, .head_dim = 32, .vocab = kTinyVocab, .context = 2048, .rope_base = 5e5f, .norm_eps = 1e-5f,
     .rope_factor = 8},
    {.name = "tiny-qwen2", .architecture = kQwen2, .n_layers = 4, .hidden = 256, .ffn = 512, .n_heads = 8,
     .n_kv_heads = 2, .head_dim = 32, .vocab = kTinyVocab, .context = 2048, .rope_base = 1e6f},
    {.name = "tiny-qwen3", .architecture = kQwen3, .n_layers = 4, .hidden = 256, .ffn = 512, .n_heads = 8,
     .n_kv_heads = 2, .head_dim = 64, .vocab = kTinyVocab, .context = 2048, .rope_base = 1e6f, .tied = true},
    {.name = "tiny-qwen3moe", .architecture = kQwen3Moe, .n_layers = 4, .hidden = 256, .ffn = 512, .n_heads = 8,
     .n_kv_heads = 2, .head_dim = 64, .vocab = kTinyVocab, .context = 2048, .rope_base = 1e6f, .n_experts = 8,
     .n_experts_used = 2, .expert_ffn = 64},
    {.name = "tiny-gemma4", .architecture = kGemma4, .n_layers = 6, .hidden = 256, .ffn = 256, .n_heads = 4,
     .n_kv_heads = 2, .head_dim = 64, .vocab = kTinyVocab, .context = 2048, .rope_base = 1e6f, .tied = true,
     .global_every = 3, .window = 24, .n_kv_heads_global = 1, .head_dim_global = 128, .rope_base_sliding = 1e4f,
     .global_values_are_keys = true},
    {.name = "tiny-gemma4-moe", .architecture = kGemma4, .n_layers = 6, .hidden = 256, .ffn = 160, .n_heads = 4,
     .n_kv_heads = 2, .head_dim = 64, .vocab = kTinyVocab, .context = 2048, .rope_base = 1e6f, .tied = true,
     .n_experts = 8, .n_experts_used = 2, .expert_ffn = 32, .global_every = 3, .window = 24, .n_kv_heads_global = 1,
     .head_dim_global = 128, .rope_base_sliding = 1e4f, .global_values_are_keys = true},
    {.name = "tiny-gemma4-e4b", .architecture = kGemma4, .n_layers = 6, .hidden = 256, .ffn = 256, .n_heads = 4,
     .n_kv_heads = 2, .head_dim = 64, .vocab = kTinyVocab, .context = 2048, .rope_base = 1e6f, .tied = true,
     .global_every = 3, .window = 24, .n_kv_heads_global = 2, .head_dim_global = 128, .rope_base_sliding = 1e4f,
     .shared_kv_layers = 3, .per_layer_dim = 32},
    {.name = "tiny-gemma4-e2b", .architecture = kGemma4, .n_layers = 6, .hidden = 256, .ffn = 256, .n_heads = 4,
     .n_kv_heads = 1, .head_dim = 64, .vocab = kTinyVocab, .context = 2048, .rope_base = 1e6f, .tied = true,
     .global_every = 3, .window = 24, .n_kv_heads_global = 1, .head_dim_global = 128, .rope_base_sliding = 1e4f,
     .shared_kv_layers = 3, .wide_shared_ffn = true, .per_layer_dim = 32},
    {.name = "tiny-bert", .architecture = kBert, .n_layers = 4, .hidden = 128, .ffn = 256, .n_heads = 4,
     .n_kv_heads = 4, .head_dim = 32, .vocab = kTinyVocab, .context = 512, .norm_eps = 1e-12f, .tied = true},
    {.name = "tiny-reranker", .architecture = kBert, .n_layers = 4, .hidden = 128, .ffn = 256, .n_heads = 4,
     .n_kv_heads = 4, .head_dim = 32, .vocab = kTinyVocab, .context = 512, .norm_eps = 1e-12f, .tied = true,
     .n_labels = 1},
    {.name = "tiny-nomic-bert", .architecture = kNomicBert, .n_layers = 4, .hidden = 128, .ffn = 256, .n_heads = 4,
     .n_kv_heads = 4, .head_dim = 32, .vocab = kTinyVocab, .context = 2048, .rope_base = 1000, .norm_eps = 1e-12f,
     .tied = true},
    {.name = "tiny-gemma-embedding", .architecture = kGemmaEmbedding, .n_layers = 6, .hidden = 128, .ffn = 160,
     .n_heads = 3, .n_kv_heads = 1, .head_dim = 64, .vocab = kTinyVocab, .context = 2048, .rope_base = 1e6f,
     .tied = true, .global_every = 6, .window = 16, .n_kv_heads_global = 1, .head_dim_global = 64,
     .rope_base_sliding = 1e4f, .dense_head = 256},
};
// clang-format on

}  // namespace

std::string_view architecture_name(Architecture architecture) {
  switch (architecture) {
    case kLlama:
      return "llama";
    case kQwen2:
      return "qwen2";
    case kQwen3:
      return "qwen3";
    case kQwen3Moe:
      return "qwen3moe";
    case kGemma4:
      return "gemma4";
    case kGemmaEmbedding:
      return "gemma-embedding";
    case kBert:
      return "bert";
    case kNomicBert:
      return "nomic-bert";
  }
  return "";
}

bool ModelSpec::is_sliding(uint32_t layer) const {
  return global_every != 0 && (layer + 1) % global_every != 0 && layer + 1 != n_layers;
}

uint32_t ModelSpec::kv_heads_of(uint32_t layer) const {
  return global_every == 0 || is_sliding(layer) ? n_kv_heads : n_kv_heads_global;
}

uint32_t ModelSpec::head_dim_of(uint32_t layer) const {
  return global_every == 0 || is_sliding(layer) ? head_dim : head_dim_global;
}

bool ModelSpec::generates() const {
  return architecture != kBert && architecture != kNomicBert && architecture != kGemmaEmbedding;
}

ModelSpec ModelSpec::with_layers(uint32_t layers) const {
  ModelSpec spec = *this;
  spec.n_layers = layers;
  if (shared_kv_layers > 0) {
    // The last owning layer is global and the one before it sliding: whole groups own their keys.
    const uint32_t groups =
        (layers * (n_layers - shared_kv_layers) / n_layers + global_every - 1) / global_every;
    const uint32_t owning = std::max(groups, 1u) * global_every;
    spec.shared_kv_layers = owning < layers ? layers - owning : 0;
  }
  return spec;
}

const ModelSpec* find_model_spec(std::string_view name) {
  const auto* at =
      std::find_if(std::begin(kSpecs), std::end(kSpecs), [&](const auto& s) { return s.name == name; });
  return at == std::end(kSpecs) ? nullptr : at;
}

std::vector<std::string_view> model_spec_names() {
  std::vector<std::string_view> names;
  for (const ModelSpec& spec : kSpecs) names.push_back(spec.name);
  return names;
}

}  // namespace hearth::catalogue
