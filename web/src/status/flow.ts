// The flow of requests from clients through the server's APIs to models, laid out as a diagram of bands: a band is as
// wide as its share of the requests. Numbers only; the component draws them.
import type { RequestRecord } from "../api/types";

export interface FlowTimes {
  count: number;
  failed: number;
  // Means in milliseconds, over the requests that were answered.
  waitMs: number; // in the queue, and for the model to load
  readMs: number;
  writeMs: number;
}

export interface FlowNode extends FlowTimes {
  column: 0 | 1 | 2; // client, API, model
  name: string;
  top: number;
  height: number;
}

export interface FlowBand {
  from: FlowNode;
  to: FlowNode;
  count: number;
  model: string | null; // the one model it leads to, for its colour
  fromTop: number;
  toTop: number;
  height: number;
}

export interface Flow {
  nodes: FlowNode[];
  bands: FlowBand[];
  models: string[]; // by falling number of requests
  height: number;
}

export interface FlowPath extends FlowTimes {
  client: string;
  dialect: string;
  model: string;
}

const gap = 14;
const leastHeight = 44; // two lines of text

export function answered(request: RequestRecord): boolean {
  return request.status >= 200 && request.status < 300;
}

function times(requests: readonly RequestRecord[]): FlowTimes {
  const good = requests.filter(answered);
  const mean = (value: (request: RequestRecord) => number) =>
    good.length ? good.reduce((sum, request) => sum + value(request), 0) / good.length : 0;
  return {
    count: requests.length,
    failed: requests.length - good.length,
    waitMs: mean((request) => request.queue_ms + request.load_ms),
    readMs: mean((request) => request.prefill_ms),
    writeMs: mean((request) => request.decode_ms),
  };
}

function grouped(requests: readonly RequestRecord[], key: (request: RequestRecord) => string) {
  const groups = new Map<string, RequestRecord[]>();
  for (const request of requests) {
    const list = groups.get(key(request));
    if (list) list.push(request);
    else groups.set(key(request), [request]);
  }
  return [...groups].sort(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1));
}

// The same as a table: one line for each way that requests took, the most used first.
export function flowPaths(requests: readonly RequestRecord[]): FlowPath[] {
  return grouped(requests, (r) => JSON.stringify([r.client, r.dialect, r.model])).map(([, list]) => ({
    client: list[0].client,
    dialect: list[0].dialect,
    model: list[0].model,
    ...times(list),
  }));
}

export function layoutFlow(requests: readonly RequestRecord[], perRequest = 6): Flow {
  const keys = [
    (r: RequestRecord) => r.client,
    (r: RequestRecord) => r.dialect,
    (r: RequestRecord) => r.model,
  ];
  const columns = keys.map((key) => grouped(requests, key));
  const heightOf = (count: number) => Math.max(leastHeight, count * perRequest);
  const heights = columns.map((column) =>
    column.reduce((sum, [, list]) => sum + heightOf(list.length) + gap, column.length ? -gap : 0),
  );
  const height = Math.max(0, ...heights);

  const nodes: FlowNode[] = [];
  const byName: Map<string, FlowNode>[] = columns.map((column, index) => {
    let top = (height - heights[index]) / 2;
    return new Map(
      column.map(([name, list]) => {
        const node = { column: index as 0 | 1 | 2, name, top, height: heightOf(list.length), ...times(list) };
        top += node.height + gap;
        nodes.push(node);
        return [name, node];
      }),
    );
  });

  // Bands leave and meet a node in the order of its neighbours, side by side around its middle.
  const bands: FlowBand[] = [];
  for (const left of [0, 1] as const) {
    const order = (column: number, name: string) => columns[column].findIndex(([other]) => other === name);
    const pairs = grouped(requests, (r) => JSON.stringify([keys[left](r), keys[left + 1](r)])).map(
      ([, list]) => ({
        from: keys[left](list[0]),
        to: keys[left + 1](list[0]),
        models: new Set(list.map((request) => request.model)),
        count: list.length,
      }),
    );
    const start = (node: FlowNode) => node.top + (node.height - node.count * perRequest) / 2;
    const out = new Map<string, number>();
    const into = new Map<string, number>();
    const made = new Map<(typeof pairs)[number], FlowBand>();
    const byTo = [...pairs].sort((a, b) => order(left + 1, a.to) - order(left + 1, b.to));
    for (const pair of byTo) {
      const from = byName[left].get(pair.from)!;
      const to = byName[left + 1].get(pair.to)!;
      const at = out.get(pair.from) ?? start(from);
      out.set(pair.from, at + pair.count * perRequest);
      const [only] = pair.models;
      made.set(pair, {
        from,
        to,
        count: pair.count,
        model: pair.models.size === 1 ? only : null,
        fromTop: at,
        toTop: 0,
        height: pair.count * perRequest,
      });
    }
    for (const pair of [...pairs].sort((a, b) => order(left, a.from) - order(left, b.from))) {
      const band = made.get(pair)!;
      band.toTop = into.get(pair.to) ?? start(band.to);
      into.set(pair.to, band.toTop + band.height);
      bands.push(band);
    }
  }
  return { nodes, bands, models: columns[2].map(([name]) => name), height };
}
