import { afterEach, describe, expect, test } from "bun:test";
import {
  closedNamespace,
  FakeClock,
  type FaultyBus,
  openNamespace,
  SeededRandom,
  type ServerMessage,
  TestHub,
  type TestHubParts,
  turn,
  withFaults,
} from "@switchyard/testkit";
import { nodeId } from "../ids.ts";
import { createMemoryBus } from "../memory/memory-bus.ts";

const hubs: TestHub[] = [];
afterEach(async () => {
  for (const hub of hubs.splice(0)) await hub.stop();
});

const retention = { size: 5, ttlMs: 60_000, metaTtlMs: 3_600_000 };
const cache = {
  ...openNamespace,
  retention: { ...retention, size: 1 },
  recoveryMode: "cache",
} as const;
const namespaces = {
  short: { ...openNamespace, retention },
  cache,
  auto: { ...cache, autoCacheRecover: true },
  none: { ...closedNamespace, allowSubscribeForClient: true },
  optional: { ...openNamespace, forceRecovery: false, forcePositioning: false },
  unpositioned: {
    ...openNamespace,
    forceRecovery: false,
    allowRecovery: false,
    allowPositioning: false,
  },
};

async function started(
  parts: TestHubParts = {},
): Promise<{ readonly hub: TestHub; readonly bus: FaultyBus; readonly clock: FakeClock }> {
  const clock = new FakeClock();
  const random = new SeededRandom(1);
  const bus = withFaults(createMemoryBus({ clock, random, node: nodeId("n") }));
  const hub = await new TestHub({ clock, random, bus, namespaces, ...parts }).start();
  hubs.push(hub);
  return { hub, bus, clock };
}

/** Publishes 1 … count, and returns the stream's epoch. */
async function filled(hub: TestHub, channel: string, count: number): Promise<string> {
  for (let n = 1; n <= count; n += 1) await hub.publish(channel, String(n));
  const { top } = await hub.operations.history({
    channel,
    limit: 0,
    since: undefined,
    reverse: false,
  });
  return top.epoch;
}

async function subscribe(hub: TestHub, channel: string, more: object = {}): Promise<ServerMessage> {
  const client = await hub.connect("ann");
  return client.ask({ subscribe: { channel, ...more } });
}

/** The subscribe result with the publications reduced to their data. */
async function result(hub: TestHub, channel: string, more: object = {}): Promise<unknown> {
  const { subscribe: whole, error } = await subscribe(hub, channel, more);
  if (error) return error.code;
  const { publications, ...rest } = whole as { publications?: readonly { data: unknown }[] };
  return publications ? { ...rest, publications: publications.map(({ data }) => data) } : rest;
}

const terms = { recoverable: true, positioned: true };
const recovered = { ...terms, was_recovering: true, recovered: true };
const failed = { ...terms, was_recovering: true };

describe("without asking for recovery", () => {
  test("a recoverable channel gives the top; one without a stream gives nothing", async () => {
    const { hub } = await started();
    const epoch = await filled(hub, "a", 3);
    expect(await result(hub, "a")).toEqual({ ...terms, epoch, offset: 3 });
    expect(await result(hub, "none:a")).toEqual({});
    expect(await result(hub, "unpositioned:a", { recoverable: true, positioned: true })).toEqual(
      {},
    );
  });

  test("positions and recovery are granted as wished where they are allowed", async () => {
    const { hub } = await started();
    const epoch = await filled(hub, "optional:a", 1);
    expect(await result(hub, "optional:a")).toEqual({});
    expect(await result(hub, "optional:a", { positioned: true })).toEqual({
      positioned: true,
      epoch,
      offset: 1,
    });
    expect(await result(hub, "optional:a", { recoverable: true })).toEqual({
      ...terms,
      epoch,
      offset: 1,
    });
  });

  test("an empty stream has an epoch that lasts, and offset 0 is left out", async () => {
    const { hub } = await started();
    const first = await result(hub, "a");
    expect(first).toEqual({ ...terms, epoch: expect.any(String) });
    expect(await result(hub, "a")).toEqual(first);
  });

  test("the first publication of a stream carries its epoch, later ones do not", async () => {
    const { hub } = await started();
    const client = await hub.connect();
    const { subscribe: given } = await client.ask({ subscribe: { channel: "a" } });
    const { epoch } = given as { epoch: string };
    await filled(hub, "a", 2);
    expect(client.pushes).toEqual([
      { channel: "a", pub: { data: 1, offset: 1, epoch } },
      { channel: "a", pub: { data: 2, offset: 2 } },
    ]);
  });
});

describe("with a position", () => {
  test("what was missed comes in order, and the offset is the client's own", async () => {
    const { hub } = await started();
    const epoch = await filled(hub, "a", 4);
    expect(await result(hub, "a", { recover: true, epoch, offset: 1 })).toEqual({
      ...recovered,
      epoch,
      offset: 1,
      publications: [2, 3, 4],
    });
    expect(hub.observer.of("recovered recovered")).toBe(1);
  });

  test("nothing missed is recovered too, on an empty stream as well", async () => {
    const { hub } = await started();
    const epoch = await filled(hub, "a", 4);
    expect(await result(hub, "a", { recover: true, epoch, offset: 4 })).toEqual({
      ...recovered,
      epoch,
      offset: 4,
    });
    const { subscribe: empty } = await subscribe(hub, "b");
    expect(await result(hub, "b", { recover: true, ...(empty as object) })).toMatchObject(
      recovered,
    );
  });

  test("offset 0 without an epoch is all that is retained, if that is all", async () => {
    const { hub } = await started();
    const epoch = await filled(hub, "short:a", 5);
    expect(await result(hub, "short:a", { recover: true })).toEqual({
      ...recovered,
      epoch,
      publications: [1, 2, 3, 4, 5],
    });
    await hub.publish("short:a", "6");
    expect(await result(hub, "short:a", { recover: true })).toEqual({
      ...failed,
      epoch,
      offset: 6,
    });
  });

  test("what cannot be continued is told: another epoch, the sentinel, beyond the top, trimmed", async () => {
    const { hub } = await started();
    const epoch = await filled(hub, "short:a", 7);
    const top = { ...failed, epoch, offset: 7 };
    const positions = {
      "another epoch": { epoch: "other", offset: 7 },
      "the sentinel of a client that starts anew": { epoch: "_", offset: 0 },
      "beyond the top": { epoch, offset: 8 },
      "one publication trimmed": { epoch, offset: 1 },
    };
    for (const [what, position] of Object.entries(positions)) {
      expect([what, await result(hub, "short:a", { recover: true, ...position })]).toEqual([
        what,
        top,
      ]);
      expect([what, await result(hub, "short:a", { recover: true, flag: 3, ...position })]).toEqual(
        [what, 112],
      );
    }
    expect(await result(hub, "short:a", { recover: true, epoch, offset: 2 })).toMatchObject(
      recovered,
    );
    expect(hub.observer.of("recovered failed")).toBe(8);
  });

  test("112 leaves no subscription and no presence; flag 2 changes nothing else", async () => {
    const { hub } = await started();
    const epoch = await filled(hub, "a", 2);
    const client = await hub.connect("ann");
    const lost = { channel: "a", recover: true, epoch: "other", flag: 2 };
    expect((await client.ask({ subscribe: lost })).error).toEqual({
      code: 112,
      message: "unrecoverable position",
    });
    await turn();
    expect((await hub.operations.presenceStats("a")).connections).toBe(0);
    expect(hub.hub.services.channels.size).toBe(0);
    expect((await client.ask({ subscribe: { channel: "a", flag: 2 } })).error).toBeUndefined();
    expect(await result(hub, "a", { recover: true, flag: 2, epoch, offset: 1 })).toMatchObject(
      recovered,
    );
  });

  test("history that was removed or has ended cannot be recovered, the top can", async () => {
    const { hub, clock } = await started();
    const epoch = await filled(hub, "short:a", 3);
    await hub.operations.removeHistory("short:a");
    expect(await result(hub, "short:a", { recover: true, epoch, offset: 2 })).toEqual({
      ...failed,
      epoch,
      offset: 3,
    });
    expect(await result(hub, "short:a", { recover: true, epoch, offset: 3 })).toMatchObject(
      recovered,
    );
    await hub.publish("short:a", "4");
    await clock.advance(61_000);
    expect(await result(hub, "short:a", { recover: true, epoch, offset: 3 })).toMatchObject({
      offset: 4,
    });
  });

  test("more than the cap of publications is not recovered, nor one that no queue can take", async () => {
    const { hub } = await started({ limits: { recoveryPublications: 3, queueBytes: 4_000 } });
    const epoch = await filled(hub, "a", 4);
    expect(await result(hub, "a", { recover: true, epoch, offset: 1 })).toMatchObject(recovered);
    expect(await result(hub, "a", { recover: true, epoch })).toEqual({
      ...failed,
      epoch,
      offset: 4,
    });
    await hub.publish("b", `"${"x".repeat(3_400)}"`);
    expect(await result(hub, "b", { recover: true })).toMatchObject(recovered);
    await hub.publish("c", `"${"x".repeat(3_600)}"`);
    const { subscribe: tooLong } = await subscribe(hub, "c", { recover: true });
    expect(tooLong).not.toHaveProperty("recovered");
    expect(tooLong).not.toHaveProperty("publications");
  });

  test("half of the queue is counted in bytes, not in characters; the rest comes as pushes", async () => {
    const { hub } = await started({ limits: { queueBytes: 4_000 } });
    const [wide, narrow] = ["€".repeat(600), "x".repeat(600)];
    for (const data of [narrow, narrow, wide]) await hub.publish("b", `"${data}"`);
    const client = await hub.connect("ann");
    const { subscribe: given } = await client.ask({ subscribe: { channel: "b", recover: true } });
    expect(given).toMatchObject({
      ...recovered,
      publications: [{ data: narrow }, { data: narrow }],
    });
    expect(client.publications("b")).toEqual([wide]);
  });

  test("publications that come live while history is read are part of it, none twice, none lost", async () => {
    for (const held of ["history", "presence.add"] as const) {
      const { hub, bus } = await started();
      const epoch = await filled(hub, "a", 2);
      const [other, client] = [await hub.connect("bob"), await hub.connect("ann")];
      await other.ask({ subscribe: { channel: "a" } });
      const release = bus.hold(held);
      client.send({ subscribe: { channel: "a", recover: true, epoch, offset: 1 } });
      await turn();
      for (const n of ["3", "4"]) await hub.publish("a", n);
      await turn();
      release();
      for (let turns = 0; turns < 10; turns += 1) await turn();
      await hub.publish("a", "5");
      const [, reply = {}] = client.messages;
      const { publications } = reply["subscribe"] as {
        publications: { data: number }[];
      };
      expect(publications.map(({ data }) => data)).toEqual([2, 3, 4]);
      expect(client.publications("a")).toEqual([5]);
      expect(other.publications("a")).toEqual([3, 4, 5]);
    }
  });

  test("where recovery is not granted the wish is ignored", async () => {
    const { hub } = await started();
    await filled(hub, "unpositioned:a", 3);
    expect(await result(hub, "unpositioned:a", { recover: true, offset: 1 })).toEqual({});
    expect(await result(hub, "none:a", { recover: true, offset: 1 })).toEqual({});
  });
});

describe("cache mode", () => {
  test("gives the latest publication alone, none to who has it, and fails without one", async () => {
    const { hub } = await started();
    expect(await result(hub, "cache:a", { recover: true })).toMatchObject(failed);
    const epoch = await filled(hub, "cache:a", 5);
    const latest = { ...recovered, epoch, publications: [5] };
    expect(await result(hub, "cache:a", { recover: true })).toEqual(latest);
    expect(await result(hub, "cache:a", { recover: true, epoch, offset: 2 })).toEqual({
      ...latest,
      offset: 2,
    });
    expect(
      await result(hub, "cache:a", { recover: true, epoch: "other", offset: 5 }),
    ).toMatchObject(latest);
    expect(await result(hub, "cache:a", { recover: true, epoch, offset: 5 })).toEqual({
      ...recovered,
      epoch,
      offset: 5,
    });
    await hub.operations.removeHistory("cache:a");
    expect(await result(hub, "cache:a", { recover: true, epoch, offset: 2 })).toEqual({
      ...failed,
      epoch,
      offset: 5,
    });
  });

  test("needs no position where it is automatic", async () => {
    const { hub } = await started();
    const epoch = await filled(hub, "auto:a", 2);
    expect(await result(hub, "auto:a")).toEqual({ ...recovered, epoch, publications: [2] });
    expect(await result(hub, "cache:a")).not.toHaveProperty("publications");
  });
});
