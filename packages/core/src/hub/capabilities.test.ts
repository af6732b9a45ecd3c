import { describe, expect, test } from "bun:test";
import { TestHub } from "@switchyard/testkit";
import type { Capability } from "../ports/authenticator.ts";
import { Capabilities } from "./capabilities.ts";

const onQueues = (match: Capability["match"], ...patterns: readonly string[]): Capability => ({
  kind: "queues",
  patterns,
  match,
  verbs: new Set(["consume"]),
});

describe("capabilities", () => {
  test.each([
    ["exact", "a*b", ["a*b"], ["ab", "axb", "a"]],
    ["exact", "", [""], ["a"]],
    ["wildcard", "a*b", ["ab", "axb", "abb", "a*b"], ["a", "b", "abc", "xab"]],
    ["wildcard", "*", ["", "a"], []],
    ["wildcard", "ab*ba", ["abba", "abxba"], ["aba", "ab"]],
    ["wildcard", "*a*a*", ["aa", "xaxax"], ["a", "xax"]],
    ["wildcard", "a.b", ["a.b"], ["axb"]],
    ["wildcard", "*aab*aab", ["aaabaab", "aabaab", "aabxaab"], ["aab", "aabaaba"]],
  ] as const)("%s %s", (match, pattern, matching, others) => {
    const capabilities = new Capabilities([onQueues(match, "other", pattern)]);
    const allowed = (names: readonly string[]): readonly string[] =>
      names.filter((name) => capabilities.allows("queues", name, "consume"));
    expect([allowed(matching), allowed(others)]).toEqual([matching, []] as never); // the table's literals
  });

  test("are of one kind and for the verbs given; several add up; nothing is the default", () => {
    const capabilities = new Capabilities([
      onQueues("exact", "a"),
      { ...onQueues("exact", "a"), verbs: new Set(["purge"]) },
    ]);
    const verbs = (["consume", "purge", "bind"] as const).map((verb) =>
      capabilities.allows("queues", "a", verb),
    );
    expect(verbs).toEqual([true, true, false]);
    expect(capabilities.allows("exchanges", "a", "consume")).toBe(false);
    expect(Capabilities.none.allows("queues", "a", "consume")).toBe(false);
    expect(Capabilities.all.allows("queues", "a", "consume")).toBe(true);
  });

  test("a pattern of many stars is not expensive", () => {
    const capabilities = new Capabilities([onQueues("wildcard", `${"*a".repeat(120)}b`)]);
    const started = performance.now();
    expect(capabilities.allows("queues", `${"a".repeat(20_000)}c`, "consume")).toBe(false);
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

test("on channels they open what the namespace keeps closed, and nothing else", async () => {
  const closed = {
    allowSubscribeForClient: false,
    allowPublishForClient: false,
    allowPublishForSubscriber: false,
    allowPresenceForClient: false,
    allowPresenceForSubscriber: false,
    allowHistoryForClient: false,
    allowHistoryForSubscriber: false,
  };
  const hub = await new TestHub({ withoutNamespace: closed }).start();
  const client = hub.open();
  const capabilities: readonly Capability[] = [
    {
      kind: "channels",
      patterns: ["room"],
      match: "exact",
      verbs: new Set(["subscribe", "publish", "history"]),
    },
  ];
  const token = hub.authenticator.issueConnection("t", { user: "ann", capabilities });
  await client.ask({ connect: { token } });
  const outcomes: unknown[] = [];
  for (const channel of ["room", "hall"]) {
    for (const [method, more] of [
      ["subscribe", {}],
      ["publish", { data: 1 }],
      ["history", {}],
      ["presence", {}],
    ] as const) {
      const { error } = await client.ask({ [method]: { channel, ...more } });
      outcomes.push(`${method} ${channel} ${error?.code ?? "ok"}`);
    }
  }
  expect(outcomes).toEqual([
    "subscribe room ok",
    "publish room ok",
    "history room ok",
    "presence room 103",
    "subscribe hall 103",
    "publish hall 103",
    "history hall 103",
    "presence hall 103",
  ]);
  await hub.stop();
});
