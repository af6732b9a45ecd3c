import { expect, test } from "bun:test";
import { RouteCache } from "./route-cache.ts";
import type { Route } from "./route.ts";

const route = (...queues: string[]): Route => ({ queues, channels: [] });

test("keeps routes by exchange and key until it is cleared", () => {
  const cache = new RouteCache(100);
  const kept = route("q");
  cache.set("x", "k", kept);
  expect([cache.get("x", "k"), cache.get("y", "k"), cache.get("x", "l")]).toEqual([
    kept,
    undefined,
    undefined,
  ]);
  cache.clear();
  expect(cache.get("x", "k")).toBeUndefined();
});

test("forgets at its bound, first of all what is not asked for", () => {
  const cache = new RouteCache(100);
  const kept = route();
  cache.set("x", "wanted", kept);
  for (let key = 0; key < 1_000; key += 1) {
    cache.set("x", `${key}`, kept);
    expect(cache.get("x", "wanted")).toBe(kept);
  }
  const left = Array.from({ length: 1_000 }, (_, key) => cache.get("x", `${key}`)).filter(Boolean);
  expect(left.length).toBeGreaterThan(0);
  expect(left.length).toBeLessThanOrEqual(100);
  expect(cache.get("x", "0")).toBeUndefined();
});

test("counts destinations, and does not keep what is heavier than half of it all", () => {
  const cache = new RouteCache(20);
  cache.set("x", "heavy", route(..."123456789".split("")));
  cache.set("x", "too heavy", route(..."1234567890".split("")));
  expect([cache.get("x", "heavy")?.queues.length, cache.get("x", "too heavy")]).toEqual([
    9,
    undefined,
  ]);
  cache.set("x", "light", route("q"));
  cache.set("x", "heavy too", route(..."123456789".split("")));
  expect([cache.get("x", "heavy"), cache.get("x", "light")?.queues]).toEqual([undefined, ["q"]]);
});

test("does not keep very long keys", () => {
  const cache = new RouteCache(100);
  const [long, longer] = ["k".repeat(256), "k".repeat(257)];
  cache.set("x", long, route());
  cache.set("x", longer, route());
  expect([cache.get("x", long), cache.get("x", longer)]).toEqual([route(), undefined]);
});

test("keeps nothing with a bound of 0", () => {
  const cache = new RouteCache(0);
  cache.set("x", "k", route());
  expect(cache.get("x", "k")).toBeUndefined();
});
