// The models of the stage: what /api/tags, /api/ps, /api/show and /page/fit say of them.

const GB = 1e9;
const day = 86_400_000;

function model(name, family, parameters, quantisation, size, context, capabilities, days, memory) {
  return { name, family, parameters, quantisation, size: Math.round(size * GB), context, capabilities, days, memory };
}

const chat = ["completion"];
export const kModels = [
  model("qwen3:8b", "qwen3", "8.2B", "Q4_K_M", 5.03, 40960, [...chat, "tools", "thinking"], 0.2, {
    weights: 5.03,
    cache: 3.1,
    scratch: 0.21,
  }),
  model("llama3.2:3b", "llama", "3.2B", "Q4_K_M", 2.02, 131072, [...chat, "tools"], 3),
  model("gemma4:e4b", "gemma4", "8.0B", "Q4_K_M", 5.29, 131072, [...chat, "tools", "thinking", "vision"], 6),
  model("deepseek-r1:7b", "qwen2", "7.6B", "Q4_K_M", 4.68, 131072, [...chat, "thinking"], 12),
  model(
    "hf.co/unsloth/Qwen3-30B-A3B-Instruct-GGUF:Q4_K_M",
    "qwen3moe",
    "30.5B",
    "Q4_K_M",
    18.56,
    262144,
    [...chat, "tools"],
    20,
  ),
  model("embeddinggemma:300m", "gemma-embedding", "308M", "Q8_0", 0.33, 2048, ["embedding"], 31, {
    weights: 0.33,
    cache: 0,
    scratch: 0.06,
  }),
];

// What a server has before anybody has brought a model.
export const kBuiltIn = { ...model("hearth-helper", "llama", "5.8M", "Q8_0", 0.0063, 2048, chat, 1), builtIn: true };

function entry(item) {
  return {
    name: item.name,
    model: item.name,
    size: item.size,
    digest: Buffer.from(item.name).toString("hex").padEnd(64, "0").slice(0, 64),
    details: {
      parent_model: "",
      format: "gguf",
      family: item.family,
      families: [item.family],
      parameter_size: item.parameters,
      quantization_level: item.quantisation,
      context_length: item.context,
    },
  };
}

export function tags(models) {
  return {
    models: models.map((item) => ({
      ...entry(item),
      modified_at: new Date(Date.now() - item.days * day).toISOString(),
      capabilities: item.capabilities,
      ...(item.builtIn && { built_in: true }),
    })),
  };
}

export function memoryOf(item) {
  const bytes = (part) => Math.round((item.memory?.[part] ?? 0) * GB);
  return { weights: bytes("weights"), cache: bytes("cache"), scratch: bytes("scratch") };
}

export function loadedBytes(item) {
  const memory = memoryOf(item);
  return memory.weights + memory.cache + memory.scratch;
}

export function ps(models) {
  const loaded = models.filter((item) => item.memory);
  return {
    models: loaded.map((item) => {
      const memory = memoryOf(item);
      return {
        ...entry(item),
        size: loadedBytes(item),
        size_vram: 0,
        expires_at: new Date(Date.now() + 4 * 60_000 + 12_000).toISOString(),
        context_length: item.context,
        memory: {
          weight_bytes: memory.weights,
          kv_full_bytes: memory.cache,
          kv_sliding_bytes: 0,
          prefix_bytes: 0,
          activation_bytes: 0,
          logit_bytes: 0,
          scratch_bytes: memory.scratch,
          embedder_bytes: 0,
        },
      };
    }),
    memory: {
      budget_bytes: 24 * GB,
      planned_bytes: loaded.reduce((sum, item) => sum + loadedBytes(item), 0),
      anonymous_bytes: Math.round(3.4 * GB),
      mapped_bytes: Math.round(5.4 * GB),
    },
  };
}

export function show(item) {
  const prefix = item.family;
  return {
    modelfile: `FROM ${item.name}\nPARAMETER temperature 0.6\nPARAMETER top_p 0.95\n`,
    parameters: `temperature                    0.6\ntop_k                          20\ntop_p                          0.95`,
    template:
      "{{- if .System }}<|im_start|>system\n{{ .System }}<|im_end|>\n{{ end }}" +
      "{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n",
    license:
      "Apache License\nVersion 2.0, January 2004\n\nTERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION\n" +
      '\n1. Definitions.\n\n"License" shall mean the terms and conditions for use, reproduction, and distribution.',
    details: entry(item).details,
    model_info: {
      "general.architecture": item.family,
      "general.name": item.name,
      "general.parameter_count": parseFloat(item.parameters) * (item.parameters.endsWith("M") ? 1e6 : 1e9),
      [`${prefix}.context_length`]: item.context,
      [`${prefix}.embedding_length`]: 4096,
      [`${prefix}.block_count`]: 36,
      [`${prefix}.attention.head_count`]: 32,
      [`${prefix}.attention.head_count_kv`]: 8,
      "tokenizer.ggml.model": "gpt2",
    },
    capabilities: item.capabilities,
    modified_at: new Date(Date.now() - item.days * day).toISOString(),
  };
}

function fitting(name, pull, size, memory, prefill, decode, verdict, goodFor) {
  return {
    name,
    pull,
    size_bytes: Math.round(size * GB),
    memory_bytes: Math.round(memory * GB),
    prefill_tps: prefill,
    decode_tps: decode,
    verdict,
    good_for: goodFor,
  };
}

export const kFit = {
  machine: { memory_bytes: 32 * GB, read_gbps: 51.2, int8_gmacs: 1240 },
  models: [
    fitting("Qwen3 8B", "qwen3:8b", 5.03, 6.1, 96, 9.8, "fits", ["chat", "documents"]),
    fitting("Gemma 4 E4B", "gemma4:e4b", 5.29, 6.5, 130, 14.2, "fits", []),
    fitting("Qwen3 30B-A3B", "qwen3:30b-a3b", 18.6, 21.4, 118, 15.6, "tight", ["reasoning"]),
    fitting("Llama 3.2 3B", "llama3.2:3b", 2.02, 4.4, 210, 22.4, "fits", []),
    fitting("DeepSeek-R1 Distill Qwen 14B", "deepseek-r1:14b", 8.99, 11.2, 48, 5.2, "fits", []),
    fitting("Llama 3.3 70B", "llama3.3:70b", 42.5, 45.4, 9, 1.1, "no", []),
    fitting("EmbeddingGemma 300M", "embeddinggemma:300m", 0.33, 0.4, 2100, null, "fits", ["search"]),
  ],
  best: { chat: "Qwen3 8B", reasoning: "Qwen3 30B-A3B", documents: "Qwen3 8B" },
};
