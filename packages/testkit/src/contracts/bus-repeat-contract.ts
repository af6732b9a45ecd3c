import { expect } from "bun:test";
import { channelName } from "@switchyard/core";
import type { BusEngine } from "./bus-engine.ts";
import { busTest, numbers } from "./bus-scenario.ts";

/** Idempotency keys and versions. */
export function busRepeatContract(engine: BusEngine): void {
  const windowMs = 400;
  const keyed = (key: string) => ({ idempotency: { key, windowMs } });

  busTest(
    engine,
    "answers a repeat with the first result and delivers nothing",
    async ({ bus, recorder, publish, history, channel, fixture }) => {
      const room = channel();
      await bus.channels.subscribe(room);
      const first = await publish(room, "first", keyed("k"));
      await publish(room, "between");
      const repeat = await publish(room, "other payload", keyed("k"));
      expect(first.duplicate).toBe(false);
      expect(repeat).toEqual({ position: first.position, duplicate: true });
      await fixture.quiet();
      expect(recorder.data(room)).toEqual(['"first"', '"between"']);
      expect((await history(room)).top.offset).toBe(2);
    },
  );

  busTest(
    engine,
    "scopes keys to their channel, whatever characters they hold",
    async ({ bus, publish, channel }) => {
      const room = channel("a");
      const pairs = [
        [room, "k"],
        [channel("a"), "k"],
        [room, "K"],
        [room, ""],
        [room, ":k"],
        [room, "k\u0000"],
        // The same characters in a row, divided elsewhere.
        [channelName(`${room}k`), ""],
        [channelName(room.slice(0, -1)), `${room.slice(-1)}k`],
      ] as const;
      for (const [where, key] of pairs)
        expect((await publish(where, key, keyed(key))).duplicate).toBe(false);
      for (const [where, key] of pairs)
        expect((await publish(where, key, keyed(key))).duplicate).toBe(true);
      await bus.check(1_000);
    },
  );

  busTest(engine, "takes the key anew after its window", async ({ publish, channel, fixture }) => {
    const room = channel();
    expect((await publish(room, 1, keyed("k"))).position?.offset).toBe(1);
    expect((await publish(room, 2, keyed("k"))).duplicate).toBe(true);
    await fixture.passTime(windowMs * 2);
    expect(await publish(room, 3, keyed("k"))).toMatchObject({
      duplicate: false,
      position: { offset: 2 },
    });
    expect(await publish(room, 4, keyed("k"))).toMatchObject({
      duplicate: true,
      position: { offset: 2 },
    });
  });

  busTest(
    engine,
    "applies without retention",
    async ({ bus, recorder, publish, channel, fixture }) => {
      const room = channel();
      await bus.channels.subscribe(room);
      const options = { ...keyed("k"), retention: undefined };
      expect(await publish(room, 1, options)).toEqual({ position: undefined, duplicate: false });
      expect(await publish(room, 2, options)).toEqual({ position: undefined, duplicate: true });
      await fixture.quiet();
      expect(recorder.data(room)).toEqual(["1"]);
    },
  );

  busTest(
    engine,
    "delivers one of many concurrent repeats",
    async ({ bus, recorder, publish, history, channel, fixture }) => {
      const room = channel();
      await bus.channels.subscribe(room);
      const results = await Promise.all(
        numbers(50).map((n) => publish(room, n, { idempotency: { key: "k", windowMs: 60_000 } })),
      );
      expect(results.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
      expect(new Set(results.map(({ position }) => position?.offset))).toEqual(new Set([1]));
      await fixture.quiet();
      expect(recorder.offsets(room)).toEqual([1]);
      expect((await history(room)).top.offset).toBe(1);
    },
  );

  busTest(
    engine,
    "drops versions that are not above the last one",
    async ({ bus, recorder, publish, channel, fixture }) => {
      const room = channel();
      await bus.channels.subscribe(room);
      const publishVersion = async (version: number, versionEpoch = ""): Promise<string> => {
        const { position, duplicate } = await publish(room, version, { version, versionEpoch });
        return `${position?.offset ?? "-"}${duplicate ? " dropped" : ""}`;
      };
      expect(await publishVersion(5)).toBe("1");
      expect(await publishVersion(5)).toBe("1 dropped");
      expect(await publishVersion(4)).toBe("1 dropped");
      expect(await publishVersion(6)).toBe("2");
      // 0 is not a version: it passes and changes nothing.
      expect(await publishVersion(0)).toBe("3");
      expect(await publishVersion(6)).toBe("3 dropped");
      expect(await publishVersion(1, "second")).toBe("4");
      expect(await publishVersion(1, "second")).toBe("4 dropped");
      expect(await publishVersion(1, "")).toBe("4 dropped");
      expect(await publishVersion(1, "third")).toBe("5");
      await fixture.quiet();
      expect(recorder.data(room)).toEqual(["5", "6", "0", "1", "1"]);
    },
  );

  busTest(
    engine,
    "ignores versions without retention",
    async ({ bus, recorder, publish, channel, fixture }) => {
      const room = channel();
      await bus.channels.subscribe(room);
      for (const version of [5, 5, 4])
        await publish(room, version, { version, retention: undefined });
      await fixture.quiet();
      expect(recorder.data(room)).toEqual(["5", "5", "4"]);
    },
  );

  busTest(engine, "keeps the version over removeHistory", async ({ bus, publish, channel }) => {
    const room = channel();
    await publish(room, 1, { version: 7 });
    await bus.channels.removeHistory(room);
    expect(await publish(room, 2, { version: 7 })).toMatchObject({
      duplicate: true,
      position: { offset: 1 },
    });
    expect(await publish(room, 3, { version: 8 })).toMatchObject({
      duplicate: false,
      position: { offset: 2 },
    });
  });
}
