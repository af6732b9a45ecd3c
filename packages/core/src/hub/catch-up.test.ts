import { afterEach, describe, expect, test } from "bun:test";
import { openNamespace, RecordingFanOut, type TestClient } from "@switchyard/testkit";
import { codeOf, one, order, undecided } from "./harness/server-requests.ts";
import { type StartedHub, TestHubs, turns } from "./harness/test-hubs.ts";

const queueBytes = 8_000;
const pauseBytes = 2_000;
const retention = { size: 30, ttlMs: 3_600_000, metaTtlMs: 86_400_000 };
const namespaces = {
  told: { ...openNamespace, joinLeave: true, forcePushJoinLeave: true },
  short: { ...openNamespace, retention },
};
const hubs = new TestHubs({
  namespaces,
  limits: { queueBytes, pauseBytes },
  client: { pingIntervalMs: 0 },
});
afterEach(() => hubs.stop());

interface Wire {
  readonly offset: number;
  readonly data: string;
}

/** A client that has nothing of a channel and takes only what `read` lets it take. */
interface Setting extends StartedHub {
  readonly channel: string;
  readonly client: TestClient;
}

/** `missed`: characters of each publication that the client lacks. Default: twenty, two and a half queues. */
async function setting(
  channel = "a",
  missed: readonly number[] = Array.from({ length: 20 }, () => 1_000),
): Promise<Setting> {
  const started = await hubs.start();
  const setting = { ...started, channel };
  for (const length of missed) await publish(setting, length);
  const client = started.hub.open("ann", new RecordingFanOut({ queueBytes }));
  await client.ask({ connect: {} });
  client.link.stopReading();
  return { ...setting, client };
}

const publish = ({ hub, channel }: Pick<Setting, "hub" | "channel">, length = 1_000) =>
  hub.publish(channel, JSON.stringify("x".repeat(length)));

async function recover({ client, channel }: Setting): Promise<void> {
  client.send({ subscribe: { channel, recover: true } });
  await turns();
}

/** The peer takes what has been sent, and nothing after it. Returns how many bytes that was. */
async function read({ client }: Setting): Promise<number> {
  const bytes = client.link.bufferedBytes();
  client.link.resumeReading();
  client.link.stopReading();
  client.connection.drained();
  await turns();
  return bytes;
}

/** Until nothing more comes. */
async function readAll(setting: Setting): Promise<readonly number[]> {
  const portions: number[] = [];
  for (let bytes = await read(setting); bytes > 0; bytes = await read(setting))
    portions.push(bytes);
  return portions;
}

/** Offsets of all that the client has of a channel, in the order in which it came. */
function offsets({ client, channel }: Setting, of = channel): readonly number[] {
  return client.messages.flatMap(({ subscribe, push }) => {
    const { publications = [] } = (subscribe ?? {}) as { readonly publications?: readonly Wire[] };
    const { pub } = (push?.["channel"] === of ? push : {}) as { readonly pub?: Wire };
    const replied = of === channel ? publications : [];
    return [...replied, ...(pub ? [pub] : [])].map(({ offset }) => offset);
  });
}

const upTo = (last: number): readonly number[] => Array.from({ length: last }, (_, at) => at + 1);

const reply = ({ client }: Setting): unknown =>
  client.messages.find(({ subscribe }) => subscribe)?.["subscribe"];

describe("a client that has missed more than half of its queue", () => {
  test("is told that it recovers, gets the first part, and the rest as it takes it", async () => {
    const given = await setting();
    await recover(given);
    const [first = 0, ...portions] = await readAll(given);
    expect(reply(given)).toMatchObject({ was_recovering: true, recovered: true });
    expect(reply(given)).not.toHaveProperty("offset");
    expect((reply(given) as { publications: unknown[] }).publications).toHaveLength(3);
    expect(offsets(given)).toEqual(upTo(20));
    // The reply alone may be half of the queue; what comes of our own accord leaves more of it to others.
    expect(first).toBeLessThan(queueBytes / 2 + pauseBytes);
    expect(Math.max(...portions)).toBeLessThan(pauseBytes);
    expect(portions.length).toBeGreaterThan(10);
    expect(given.hub.observer.of("recovered recovered")).toBe(1);
  });

  test("what is published meanwhile comes behind it, and live when it is level", async () => {
    const given = await setting();
    await recover(given);
    for (let n = 21; n <= 30; n += 1) {
      await publish(given);
      await read(given);
    }
    await readAll(given);
    expect(given.client.link.topics.size).toBe(1);
    for (let n = 31; n <= 33; n += 1) await publish(given);
    await readAll(given);
    expect(offsets(given)).toEqual(upTo(33));
    expect(given.client.link.isOpen).toBe(true);
  });

  test("what is published while history is read is not lost and does not come twice", async () => {
    const given = await setting();
    await recover(given);
    for (let n = 21; n < 60; n += 3) {
      const release = given.bus.hold("history");
      await read(given);
      for (let more = 0; more < 3; more += 1) await publish(given, 10);
      release();
      await turns();
    }
    await readAll(given);
    expect(offsets(given)).toEqual(upTo(59));
  });

  test("a fast reader is level at once", async () => {
    const given = await setting();
    given.client.link.resumeReading();
    await recover(given);
    await turns(100);
    await publish(given);
    expect(offsets(given)).toEqual(upTo(21));
  });

  test("a publication that is heavier than all that may wait comes alone", async () => {
    const given = await setting("a", [1_000, 6_500, 1_000, 3_900, 1_000, 6_500]);
    await recover(given);
    await readAll(given);
    expect(offsets(given)).toEqual(upTo(6));
  });

  test("a link that never says it has drained is asked again", async () => {
    const given = await setting();
    await recover(given);
    for (let n = 0; n < 40; n += 1) {
      given.client.link.resumeReading();
      given.client.link.stopReading();
      given.clock.advanceNow(1_000);
      await turns();
    }
    given.client.link.resumeReading();
    expect(offsets(given)).toEqual(upTo(20));
  });

  test("recoveries of several channels go on in turn", async () => {
    const given = await setting();
    for (let n = 0; n < 20; n += 1) await publish({ ...given, channel: "b" });
    given.client.send(
      { subscribe: { channel: "a", recover: true } },
      { subscribe: { channel: "b", recover: true } },
    );
    await turns();
    const levels: (readonly number[])[] = [];
    while ((await read(given)) > 0) {
      expect(given.client.link.bufferedBytes()).toBeLessThan(queueBytes);
      const pushed = ["a", "b"].map((channel) => given.client.publications(channel).length);
      levels.push(pushed);
    }
    expect(levels.at(-1)).toEqual([17, 17]);
    // Neither waits for the whole of the other.
    expect(levels.some(([a = 0, b = 0]) => a > 0 && b > 0 && a < 17 && b < 17)).toBe(true);
  });

  test("is a member meanwhile: presence, join and leave, a count, no second subscribe", async () => {
    const given = await setting("told:a");
    await recover(given);
    await read(given);
    const other = await given.hub.connect("bob");
    await other.ask({ subscribe: { channel: "told:a" } });
    await turns();
    given.client.send({ subscribe: { channel: "told:a" } });
    await turns();
    expect((await given.operations.presenceStats("told:a")).connections).toBe(2);
    expect((await given.operations.channels("")).get("told:a")).toBe(2);
    await readAll(given);
    const { messages, pushes } = given.client;
    expect(messages.find(({ error }) => error)?.error?.code).toBe(105);
    const joined = pushes.flatMap(({ join }) => (join as { info: { user: string } })?.info ?? []);
    expect(joined.map(({ user }) => user)).toEqual(["ann", "bob"]);
    expect(offsets(given)).toEqual(upTo(20));
  });

  test("is not ended by the position check", async () => {
    const given = await setting();
    await recover(given);
    for (let n = 0; n < 5; n += 1) {
      given.clock.advanceNow(41_000);
      await turns();
      await read(given);
    }
    await readAll(given);
    expect(offsets(given)).toEqual(upTo(20));
    expect(given.client.pushes.filter((push) => "unsubscribe" in push)).toEqual([]);
  });
});

describe("it ends early", () => {
  /** Nothing is left of it, neither a push nor a timer nor a member. */
  async function expectNothingMore(given: Setting, before: number): Promise<void> {
    await publish(given);
    await readAll(given);
    await turns();
    expect(offsets(given)).toHaveLength(before);
    expect(given.hub.hub.services.channels.size).toBe(0);
  }

  test("when the client unsubscribes: nothing comes after the reply", async () => {
    const given = await setting();
    await recover(given);
    await read(given);
    const [id] = given.client.send({ unsubscribe: { channel: "a" } });
    await turns();
    await read(given);
    expect(given.client.messages.at(-1)?.id).toBe(id);
    await expectNothingMore(given, offsets(given).length);
  });

  test("when the server unsubscribes it, also while history is being read", async () => {
    const given = await setting();
    await recover(given);
    const release = given.bus.hold("history");
    await read(given);
    await given.operations.unsubscribe(one(given.client), "a");
    release();
    await turns();
    await read(given);
    expect(given.client.pushes.at(-1)).toMatchObject({ unsubscribe: { code: 2000 } });
    await expectNothingMore(given, offsets(given).length);
  });

  test("when the connection ends, waiting or reading", async () => {
    for (const reading of [false, true]) {
      const given = await setting();
      const timers = given.clock.pending;
      await recover(given);
      const release = given.bus.hold("history");
      if (reading) await read(given);
      given.client.vanish();
      release();
      await turns();
      const { connections, channels } = given.hub.hub.services;
      expect([connections.size, channels.size]).toEqual([0, 0]);
      expect(given.clock.pending).toBeLessThanOrEqual(timers);
    }
  });

  test("and begins again where the client is when it comes back at once", async () => {
    const given = await setting();
    await recover(given);
    await read(given);
    await read(given);
    given.client.send({ unsubscribe: { channel: "a" } });
    await read(given);
    const held = offsets(given).length;
    given.client.send({ subscribe: { channel: "a", recover: true, offset: held } });
    await readAll(given);
    await publish(given);
    await readAll(given);
    expect(offsets(given)).toEqual(upTo(21));
  });
});

describe("what it needs is gone", () => {
  test("history is removed: 2500, and the subscribe after it is told", async () => {
    const given = await setting();
    await recover(given);
    await read(given);
    await given.operations.removeHistory("a");
    await readAll(given);
    expect(given.client.pushes.at(-1)).toMatchObject({ unsubscribe: { code: 2500 } });
    const held = offsets(given).length;
    expect(offsets(given)).toEqual(upTo(held));
    given.client.link.resumeReading();
    const again = { channel: "a", recover: true, offset: held };
    const { subscribe: failed } = await given.client.ask({ subscribe: again });
    expect(failed).toMatchObject({ was_recovering: true, offset: 20 });
    expect(failed).not.toHaveProperty("recovered");
  });

  test("a publisher that stays faster than the client trims it away", async () => {
    const given = await setting("short:a");
    await recover(given);
    for (let n = 0; n < 30 && given.hub.hub.services.channels.size > 0; n += 1) {
      for (let more = 0; more < 3; more += 1) await publish(given);
      await read(given);
    }
    await readAll(given);
    expect(given.client.link.isOpen).toBe(true);
    expect(given.client.pushes.at(-1)).toMatchObject({ unsubscribe: { code: 2500 } });
    expect(offsets(given)).toEqual(upTo(offsets(given).length));
  });

  test("the bus does not answer: 2500", async () => {
    const given = await setting();
    await recover(given);
    given.bus.fail("history");
    await readAll(given);
    expect(given.client.pushes.at(-1)).toMatchObject({ unsubscribe: { code: 2500 } });
    expect(given.hub.log.lines.map(({ message }) => message)).toContain(
      "could not read on in history for a client that is behind",
    );
  });

  test("of a server-side subscription: 3010", async () => {
    const given = await setting();
    const recoverSince = { offset: 0, epoch: "" };
    await given.operations.subscribe(order(one(given.client), "a", { recoverSince }));
    await given.operations.removeHistory("a");
    given.client.link.resumeReading();
    given.client.connection.drained();
    await turns();
    expect(given.client.closedWith).toBe(3010);
  });
});

describe("a server-side subscription", () => {
  test("goes on behind its subscribe push, and when it is made anew from where it was", async () => {
    const given = await setting();
    const target = one(given.client);
    const recoverSince = { offset: 0, epoch: "" };
    expect(await codeOf(given.operations.subscribe(order(target, "a", { recoverSince })))).toBe(
      undefined,
    );
    await read(given);
    await read(given);
    await given.operations.subscribe(order(target, "a"));
    await readAll(given);
    await publish(given);
    await readAll(given);
    expect(offsets(given)).toEqual(upTo(21));
    const pushed = given.client.pushes.findLastIndex((push) => "subscribe" in push);
    const { subscribe } = given.client.pushes[pushed] as { readonly subscribe: Partial<Wire> };
    const { pub } = given.client.pushes[pushed + 1] as { readonly pub: Wire };
    expect(subscribe.offset).toBe(pub.offset - 1);
    expect(pub.offset).toBeLessThan(20);
  });

  test("made anew without positions goes on live", async () => {
    const given = await setting();
    const target = one(given.client);
    const recoverSince = { offset: 0, epoch: "" };
    await given.operations.subscribe(order(target, "a", { recoverSince }));
    const override = { ...undecided, forceRecovery: false, forcePositioning: false };
    await given.operations.subscribe(order(target, "a", { override }));
    await readAll(given);
    await publish(given);
    await readAll(given);
    expect(offsets(given).at(-1)).toBe(21);
    expect(offsets(given)).not.toContain(20);
  });
});
