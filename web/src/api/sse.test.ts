import { expect, test } from "vitest";
import { SseParser, type ServerEvent } from "./sse";

const stream = 'id: 1\nevent: text\ndata: {"text":"héllo"}\n\n: heartbeat\n\nid:2\r\ndata: a\r\ndata: b\r\n\r\n';

function parse(pieces: string[]): ServerEvent[] {
  const parser = new SseParser();
  return pieces.flatMap((piece) => parser.push(piece));
}

test("events are the same however the stream is cut", () => {
  const whole = parse([stream]);
  expect(whole).toEqual([
    { id: "1", type: "text", data: '{"text":"héllo"}' },
    { id: "2", type: "message", data: "a\nb" },
  ]);
  for (let cut = 0; cut <= stream.length; ++cut)
    expect(parse([stream.slice(0, cut), stream.slice(cut)])).toEqual(whole);
  expect(parse([...stream])).toEqual(whole);
});

test("an event that was not finished does not count as seen", () => {
  const parser = new SseParser();
  parser.push("id: 7\ndata: x\n\nid: 8\ndata: y\n");
  expect(parser.lastId).toBe("7");
});
