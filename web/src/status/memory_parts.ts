// The memory of a loaded model in the parts that the page shows.
import type { LoadedModel, ServerStatus } from "../api/types";

export const memoryParts = ["weights", "cache", "scratch", "other"] as const;
export type MemoryPart = (typeof memoryParts)[number];
export type MemoryOfModel = { name: string } & Record<MemoryPart, number>; // bytes

export function partsOfLoaded({ name, memory }: LoadedModel): MemoryOfModel {
  return {
    name,
    weights: memory.weight_bytes,
    cache: memory.kv_full_bytes + memory.kv_sliding_bytes + memory.prefix_bytes,
    scratch: memory.activation_bytes + memory.logit_bytes + memory.scratch_bytes,
    other: memory.embedder_bytes,
  };
}

export function partsOfStatus(model: ServerStatus["models"][number]): MemoryOfModel {
  return {
    name: model.name,
    weights: model.weights_bytes,
    cache: model.cache_bytes,
    scratch: model.scratch_bytes,
    other: model.other_bytes,
  };
}

export function sumOfParts(model: MemoryOfModel): number {
  return memoryParts.reduce((sum, part) => sum + model[part], 0);
}
