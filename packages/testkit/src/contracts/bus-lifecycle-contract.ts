import { expect } from "bun:test";
import { connectionId } from "@switchyard/core";
import type { BusEngine } from "./bus-engine.ts";
import { kindOf } from "./bus-nodes-contract.ts";
import { busTest, clientInfo, numbers, offsets } from "./bus-scenario.ts";

/** Start, drain, stop, and what outlives them. */
export function busLifecycleContract(engine: BusEngine): void {
  busTest(engine, "answers a check", async ({ bus }) => {
    await bus.check(2_000);
  });

  busTest(
    engine,
    "refuses publishes after drain, and answers everything else",
    async ({ bus, recorder, publish, history, channel, fixture }) => {
      const room = channel();
      await bus.channels.subscribe(room);
      await publish(room, 1);
      await recorder.until(() => recorder.publications.length === 1);
      await bus.drain();
      await bus.drain();
      expect(await kindOf(publish(room, 2))).toBe("busUnavailable");
      expect(await kindOf(publish(room, 2, { retention: undefined }))).toBe("busUnavailable");
      expect(offsets(await history(room))).toEqual([1]);
      await bus.presence.add(room, connectionId("1"), clientInfo("1"));
      await bus.presence.remove(room, connectionId("1"));
      await bus.channels.unsubscribe(room);
      await fixture.quiet();
      expect(recorder.offsets(room)).toEqual([1]);
    },
  );

  busTest(
    engine,
    "rejects with busUnavailable after stop, and delivers nothing",
    async ({ bus, recorder, publish, history, channel, fixture }) => {
      const room = channel();
      await bus.channels.subscribe(room);
      const inFlight = numbers(20).map((n) => kindOf(publish(room, n)));
      await bus.stop();
      const delivered = recorder.publications.length;
      for (const kind of await Promise.all(inFlight))
        expect([undefined, "busUnavailable"]).toContain(kind);
      expect(await kindOf(publish(room, 1))).toBe("busUnavailable");
      expect(await kindOf(history(room))).toBe("busUnavailable");
      expect(await kindOf(bus.check(100))).toBe("busUnavailable");
      await fixture.quiet();
      expect(recorder.publications.length).toBe(delivered);
      await bus.stop();
    },
  );

  if (engine.capabilities.nodes === 2) {
    busTest(
      engine,
      "takes the presence of a stopped node away at once",
      async ({ bus, other, channel }) => {
        const room = channel();
        await bus.presence.add(room, connectionId("1"), clientInfo("1"));
        await other.presence.add(room, connectionId("2"), clientInfo("2"));
        await bus.stop();
        expect([...(await other.presence.members(room)).keys()]).toEqual([connectionId("2")]);
        expect(
          await kindOf(other.nodes.ask(bus.nodes.self, { type: "info" }, { timeoutMs: 1_000 })),
        ).toBe("nodeUnknown");
        expect(await other.nodes.ask("all", { type: "info" }, { timeoutMs: 1_000 })).toHaveLength(
          1,
        );
      },
    );
  }

  if (!engine.capabilities.survivesDrain) return;

  busTest(
    engine,
    "goes on after drain and restart: epoch, offsets, versions, lives that are left",
    async (scenario) => {
      const { bus, publish, history, channel, fixture, start } = scenario;
      const [room, emptied, brief] = [channel(), channel("{odd} ż"), channel()];
      const retention = { size: 5, ttlMs: 10_000, metaTtlMs: 60_000 };
      for (const n of numbers(7)) await publish(room, n, { retention, version: n });
      await publish(emptied, 1, { retention });
      await bus.channels.removeHistory(emptied);
      await publish(brief, 1, { retention: { size: 5, ttlMs: 400, metaTtlMs: 60_000 } });
      await fixture.passTime(200);
      await publish(brief, 2, { retention });
      const before = await Promise.all(
        [room, emptied, brief].map((each) => history(each, { retention })),
      );
      await bus.drain();
      await bus.stop();

      await fixture.passTime(300);
      const next = await fixture.restarted();
      const recorder = await start(next);
      const read = (each: typeof room) =>
        next.channels.history(each, { since: undefined, limit: "all", reverse: false, retention });
      expect(await read(room)).toEqual(
        before[0] ?? { publications: [], top: { offset: -1, epoch: "" } },
      );
      expect(await read(emptied)).toEqual(
        before[1] ?? { publications: [], top: { offset: -1, epoch: "" } },
      );
      const briefly = await read(brief);
      expect(offsets(briefly)).toEqual([2]);
      expect(briefly.top).toEqual(before[2]?.top ?? { offset: -1, epoch: "" });

      await next.channels.subscribe(room);
      const append = (version: number) =>
        next.channels.publish(
          room,
          { data: new Uint8Array(1), info: undefined, tags: undefined },
          { retention, idempotency: undefined, version, versionEpoch: "" },
        );
      expect(await append(7)).toEqual({ position: before[0]?.top, duplicate: true });
      expect(await append(8)).toEqual({
        position: { offset: 8, epoch: before[0]?.top.epoch ?? "" },
        duplicate: false,
      });
      await recorder.until(() => recorder.publications.length === 1);
      expect(offsets(await read(room))).toEqual([4, 5, 6, 7, 8]);
      await fixture.passTime(11_000);
      expect(await read(room)).toMatchObject({ publications: [], top: { offset: 8 } });
    },
  );
}
