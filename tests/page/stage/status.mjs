// The work of the stage's server: counters that grow as if somebody used it, the same for the same time.

import { kModels, loadedBytes, memoryOf } from "./models.mjs";

const kRequests = [
  ["laptop", "openai", "/v1/chat/completions", "qwen3:8b", 4, 0, 310, 9200, 1840, 1520, 88],
  ["page", "page", "/page/chats", "qwen3:8b", 12, 0, 640, 14100, 2210, 1490, 141],
  ["notebook", "ollama", "/api/chat", "qwen3:8b", 830, 0, 1290, 6100, 3120, 0, 60],
  ["notebook", "ollama", "/api/embed", "embeddinggemma:300m", 1, 0, 84, 0, 512, 0, 0],
  ["laptop", "anthropic", "/v1/messages", "qwen3:8b", 210, 0, 4200, 21800, 8800, 4096, 215],
  ["page", "page", "/page/chats", "llama3.2:3b", 2, 1900, 150, 3900, 420, 0, 87],
  ["laptop", "openai", "/v1/embeddings", "embeddinggemma:300m", 0, 310, 92, 0, 640, 0, 0],
  ["notebook", "ollama", "/api/generate", "llama3.2:3b", 0, 0, 220, 5100, 700, 512, 114],
];

function requests(now) {
  const list = [];
  for (let i = 0; i < 24; ++i) {
    const [client, dialect, route, model, queue, load, prefill, decode, prompt, cached, completion] =
      kRequests[i % kRequests.length];
    const scale = 1 + ((i * 7) % 5) / 10;
    list.push({
      id: `r${1000 - i}`,
      time: now - i * 21_000 - 2500,
      client,
      dialect,
      route,
      model,
      status: i === 9 ? 499 : i === 14 ? 503 : 200,
      queue_ms: Math.round(queue * scale),
      load_ms: load,
      prefill_ms: Math.round(prefill * scale),
      decode_ms: Math.round(decode * scale),
      prompt_tokens: Math.round(prompt * scale),
      cached_tokens: Math.round(cached * scale),
      completion_tokens: Math.round(completion * scale),
    });
  }
  return list;
}

// Tokens per second at the second t, and their sum since the start.
const written = (t) => Math.max(0, 18 + 9 * Math.sin(t / 7) + 5 * Math.sin(t / 2.3));
const read = (t) => (t % 17 < 5 ? 180 + 60 * Math.sin(t) : 6);

export function counters(seconds) {
  let readSum = 0;
  let writtenSum = 0;
  for (let t = 0; t < seconds; ++t) {
    readSum += read(t);
    writtenSum += written(t);
  }
  return { read: Math.round(readSum), written: Math.round(writtenSum) };
}

export function status(models, seconds) {
  const now = Date.now();
  const loaded = models.filter((item) => item.memory);
  const GB = 1e9;
  return {
    uptime_ms: 3 * 86_400_000 + 4 * 3_600_000 + seconds * 1000,
    version: "0.1.0",
    models: loaded.map((item) => {
      const memory = memoryOf(item);
      return {
        name: item.name,
        weights_bytes: memory.weights,
        cache_bytes: memory.cache,
        scratch_bytes: memory.scratch,
        other_bytes: 0,
        expires: now + 252_000,
        running: item.name === kModels[0].name ? [
        {id: 'r1001', prompt_tokens: 1840, cached_tokens: 1520, read_tokens: 320, generated_tokens: 40 + (seconds % 200) * 9},
        {id: 'r1002', prompt_tokens: 8800, cached_tokens: 4096, read_tokens: (400 + seconds * 96) % 4704, generated_tokens: 0},
      ] : [],
      };
    }),
    memory: {
      budget_bytes: 24 * GB,
      planned_bytes: loaded.reduce((sum, item) => sum + loadedBytes(item), 0),
      anonymous_bytes: Math.round(3.4 * GB),
      mapped_bytes: Math.round(5.4 * GB),
    },
    tokens: counters(seconds),
    queue: seconds % 70 < 12 ? 1 : 0,
    running: seconds % 90 < 60 ? 2 : 1,
    cache: { memory_hits: 412, memory_tokens: 688_120, disk_hits: 37, disk_tokens: 91_440 },
    requests: loaded.length === 0 ? [] : requests(now),
    bandwidth: { limit_gbps: 51.2, share: Math.max(0, Math.min(1, 0.72 + 0.08 * Math.sin(seconds / 5))) },
  };
}
