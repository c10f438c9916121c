// The server that the journeys use: random weights in a real family's shape, so that answers are long and can be
// interrupted.
import { Server, synthesizedModel } from "../conformance/server.mjs";

export function pageServer(options = {}) {
  return Server.start({ models: [synthesizedModel("tiny-qwen3")], ...options });
}
