import { expect, test } from "vitest";
import { RateLog } from "./rate_log";

const counters = (at: number, read: number, written: number) => ({
  at,
  read,
  written,
  queue: 0,
  running: 1,
  share: null,
});

test("rates are differences of counters", () => {
  const log = new RateLog(300);
  log.add(counters(1000, 100, 10));
  log.add(counters(2000, 300, 20));
  log.add(counters(4000, 300, 60));
  expect(log.points.map((point) => [point.at, point.read, point.written])).toEqual([
    [1, null, null],
    [2, 200, 10],
    [4, 0, 20],
  ]);
  expect(log.mean("written", 10)).toBe(15);
  expect(log.mean("written", 1)).toBe(20);
});

test("a new start of the server and a long gap are no rates", () => {
  const log = new RateLog(300);
  log.add(counters(1000, 100, 10));
  log.add(counters(2000, 5, 1));
  log.add(counters(60_000, 900, 90));
  expect(log.points.map((point) => point.read)).toEqual([null, null, null]);
  expect(log.mean("read", 100)).toBeNull();
});

test("readings that follow at once are left out", () => {
  const log = new RateLog(300);
  log.add(counters(1000, 100, 10));
  log.add(counters(1010, 200, 20));
  log.add(counters(2000, 300, 30));
  expect(log.points.map((point) => point.read)).toEqual([null, 200]);
});

test("points older than the log's span leave it", () => {
  const log = new RateLog(10);
  for (let second = 0; second <= 30; ++second) log.add(counters(second * 1000, second, second));
  expect(log.points[0].at).toBe(20);
});
