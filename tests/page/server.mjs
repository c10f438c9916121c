// The server that the journeys use: random weights in a real family's shape, so that answers are long and can be
// interrupted.
import { Server, synthesizedModel } from "../conformance/server.mjs";

export function pageServer(options = {}) {
  return Server.start({ models: [synthesizedModel("tiny-qwen3")], ...options });
}

// A model whose answers do not end by themselves within a test: its vocabulary is so large that an end token hardly ever
// comes by chance, and it writes as fast as people read.
export const slowModel = () => synthesizedModel("qwen3-0.6b", { more: ["--quant", "q4_0", "--layers", "8"] });
