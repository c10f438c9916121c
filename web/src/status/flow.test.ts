import { expect, test } from "vitest";
import type { RequestRecord } from "../api/types";
import { flowPaths, layoutFlow } from "./flow";

function request(
  client: string,
  dialect: string,
  model: string,
  more: Partial<RequestRecord> = {},
): RequestRecord {
  return {
    id: "",
    time: 0,
    client,
    dialect,
    model,
    route: "",
    status: 200,
    queue_ms: 10,
    load_ms: 0,
    prefill_ms: 100,
    decode_ms: 1000,
    prompt_tokens: 1,
    cached_tokens: 0,
    completion_tokens: 1,
    ...more,
  };
}

const requests = [
  request("laptop", "openai", "big"),
  request("laptop", "openai", "big", { load_ms: 500 }),
  request("laptop", "openai", "big", { status: 503, decode_ms: 9e9 }),
  request("page", "page", "big"),
  request("page", "page", "small"),
];

test("paths count requests and mean the times of those that were answered", () => {
  const [most, ...others] = flowPaths(requests);
  expect(most).toEqual({
    client: "laptop",
    dialect: "openai",
    model: "big",
    count: 3,
    failed: 1,
    waitMs: 260,
    readMs: 100,
    writeMs: 1000,
  });
  expect(others.map((path) => path.count)).toEqual([1, 1]);
});

test("nodes of a column never overlap, bands stay within their nodes and never overlap there", () => {
  const { nodes, bands, models, height } = layoutFlow(requests, 20);
  expect(models).toEqual(["big", "small"]);
  for (const column of [0, 1, 2]) {
    const own = nodes.filter((node) => node.column === column).sort((a, b) => a.top - b.top);
    own.forEach((node, i) => i > 0 && expect(node.top).toBeGreaterThan(own[i - 1].top + own[i - 1].height));
    expect(own[0].top).toBeGreaterThanOrEqual(0);
    expect(own.at(-1)!.top + own.at(-1)!.height).toBeLessThanOrEqual(height);
  }
  for (const [node, top] of [
    ["from", "fromTop"],
    ["to", "toTop"],
  ] as const)
    for (const band of bands) {
      expect(band[top]).toBeGreaterThanOrEqual(band[node].top);
      expect(band[top] + band.height).toBeLessThanOrEqual(band[node].top + band[node].height + 1e-9);
      for (const other of bands)
        if (other !== band && other[node] === band[node])
          expect(other[top] >= band[top] + band.height || other[top] + other.height <= band[top]).toBe(true);
    }
  expect(bands.reduce((sum, band) => sum + band.count, 0)).toBe(2 * requests.length);
});

test("nothing gives an empty diagram", () => {
  expect(layoutFlow([])).toEqual({ nodes: [], bands: [], models: [], height: 0 });
});
