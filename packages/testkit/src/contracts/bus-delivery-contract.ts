import { expect } from "bun:test";
import type { BusEngine } from "./bus-engine.ts";
import { busTest, historyQuery, numbers, publishOptions } from "./bus-scenario.ts";
import { toJsonText } from "@switchyard/protocol";

/** What reaches `BusEvents.publication`, when and in which order. */
export function busDeliveryContract(engine: BusEngine): void {
  const burst = engine.capabilities.burst ?? 200;

  busTest(
    engine,
    "delivers to a subscribed node exactly what was stored, with its epoch",
    async ({ bus, recorder, publish, history, channel }) => {
      const room = channel();
      await bus.channels.subscribe(room);
      for (const n of numbers(3)) await publish(room, { n });
      await recorder.until(() => recorder.publications.length === 3);
      const page = await history(room);
      expect(recorder.on(room)).toEqual(page.publications);
      expect(recorder.publications.map(({ epoch }) => epoch)).toEqual(
        Array.from({ length: 3 }, () => page.top.epoch),
      );
    },
  );

  busTest(
    engine,
    "delivers a publication without a stream with offset 0, no id and no epoch",
    async ({ bus, recorder, publish, channel }) => {
      const room = channel();
      await bus.channels.subscribe(room);
      await publish(room, "live", { retention: undefined });
      await recorder.until(() => recorder.publications.length === 1);
      expect(recorder.publications[0]).toMatchObject({
        channel: room,
        epoch: "",
        publication: { data: '"live"', offset: 0, id: "", info: undefined, tags: undefined },
      });
    },
  );

  busTest(
    engine,
    "delivers concurrent publishes in offset order, each once",
    async ({ bus, recorder, publish, channel }) => {
      const rooms = [channel(), channel(), channel()];
      for (const room of rooms) await bus.channels.subscribe(room);
      await Promise.all(numbers(burst).flatMap((n) => rooms.map((room) => publish(room, n))));
      await recorder.until(() => recorder.publications.length >= burst * rooms.length);
      for (const room of rooms) expect(recorder.offsets(room)).toEqual(numbers(burst));
    },
  );

  busTest(
    engine,
    "keeps the order of publications without a stream too",
    async ({ bus, recorder, publish, channel }) => {
      const room = channel();
      await bus.channels.subscribe(room);
      await Promise.all(numbers(burst).map((n) => publish(room, n, { retention: undefined })));
      await recorder.until(() => recorder.publications.length >= burst);
      expect(recorder.data(room)).toEqual(numbers(burst).map(String));
    },
  );

  busTest(
    engine,
    "delivers only channels that are subscribed to",
    async ({ bus, recorder, publish, channel, fixture }) => {
      const [mine, foreign] = [channel(), channel()];
      await bus.channels.subscribe(mine);
      await publish(foreign, "foreign");
      await publish(mine, "mine");
      await fixture.quiet();
      expect(recorder.publications.map((one) => one.channel)).toEqual([mine]);
    },
  );

  busTest(
    engine,
    "subscribes and unsubscribes idempotently, and again",
    async ({ bus, recorder, publish, channel, fixture }) => {
      const room = channel();
      await bus.channels.unsubscribe(room);
      await bus.channels.subscribe(room);
      await bus.channels.subscribe(room);
      await publish(room, 1);
      await recorder.until(() => recorder.publications.length > 0);
      await bus.channels.unsubscribe(room);
      await bus.channels.unsubscribe(room);
      await publish(room, 2);
      await fixture.quiet();
      expect(recorder.offsets(room)).toEqual([1]);
      await bus.channels.subscribe(room);
      await publish(room, 3);
      await recorder.until(() => recorder.publications.length > 1);
      await fixture.quiet();
      expect(recorder.offsets(room)).toEqual([1, 3]);
    },
  );

  busTest(
    engine,
    "delivers nothing after unsubscribe has fulfilled",
    async ({ bus, recorder, publish, channel, fixture }) => {
      const room = channel();
      await bus.channels.subscribe(room);
      const published = Promise.all(numbers(burst).map((n) => publish(room, n)));
      await bus.channels.unsubscribe(room);
      const delivered = recorder.publications.length;
      await published;
      await fixture.quiet();
      expect(recorder.publications.length).toBe(delivered);
    },
  );

  busTest(
    engine,
    "leaves no gap between history and live while subscriptions come and go",
    async ({ bus, recorder, publish, history, channel, fixture }) => {
      const room = channel();
      const publishing = (async () => {
        for (const n of numbers(burst)) await publish(room, n);
      })();
      for (const _ of numbers(8)) {
        await bus.channels.subscribe(room);
        const liveFrom = recorder.publications.length;
        const page = await history(room);
        await publish(room, "mark");
        await recorder.until(() => (recorder.offsets(room).at(-1) ?? 0) > page.top.offset);
        const live = recorder.offsets(room).slice(liveFrom);
        const joined = [
          ...new Set([...page.publications.map(({ offset }) => offset), ...live]),
        ].toSorted((a, b) => a - b);
        expect(joined).toEqual([...numbers(joined.length)]);
        expect(live).toEqual(live.map((_, index) => (live[0] ?? 0) + index));
        await bus.channels.unsubscribe(room);
      }
      await publishing;
      await fixture.quiet();
      const all = recorder.offsets(room);
      expect(all).toEqual([...new Set(all)].toSorted((a, b) => a - b));
    },
  );

  busTest(
    engine,
    "includes in a history page what was delivered before the call",
    async ({ bus, recorder, publish, history, channel }) => {
      const room = channel();
      await bus.channels.subscribe(room);
      const published = Promise.all(numbers(50).map((n) => publish(room, n)));
      for (const n of [1, 10, 25, 50]) {
        await recorder.until(() => recorder.publications.length >= n);
        const delivered = recorder.offsets(room).at(-1) ?? 0;
        expect((await history(room, { limit: 0 })).top.offset).toBeGreaterThanOrEqual(delivered);
      }
      await published;
    },
  );

  if (engine.capabilities.nodes === 1) return;

  busTest(
    engine,
    "two nodes that publish at once see one order, the one of history",
    async (scenario) => {
      const { bus, recorder, other, otherRecorder, history, channel } = scenario;
      const room = channel();
      await bus.channels.subscribe(room);
      await other.channels.subscribe(room);
      const publish = (from: typeof bus, data: string) =>
        from.channels.publish(
          room,
          { data: toJsonText(data), info: undefined, tags: undefined },
          publishOptions(),
        );
      await Promise.all(
        numbers(burst).flatMap((n) => [publish(bus, `a${n}`), publish(other, `b${n}`)]),
      );
      for (const each of [recorder, otherRecorder]) {
        await each.until(() => each.publications.length >= burst * 2);
        expect(each.offsets(room)).toEqual(numbers(burst * 2));
      }
      const page = await history(room);
      expect(recorder.on(room)).toEqual(page.publications);
      expect(otherRecorder.on(room)).toEqual(page.publications);
      expect(await other.channels.history(room, historyQuery())).toEqual(page);
      const fromOne = recorder.data(room).filter((data) => data.startsWith('"a'));
      expect(fromOne).toEqual(numbers(burst).map((n) => `"a${n}"`));
    },
  );
}
