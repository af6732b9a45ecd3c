import { expect } from "bun:test";
import type { BusEngine } from "./bus-engine.ts";
import { busTest, longRetention, numbers, offsets } from "./bus-scenario.ts";

const shortTtlMs = 400;

/** Appends, offsets, epochs, pages and their ends. */
export function busHistoryContract(engine: BusEngine): void {
  const burst = engine.capabilities.burst ?? 200;

  busTest(
    engine,
    "numbers appends from 1 without a gap, under one epoch",
    async ({ publish, history, channel }) => {
      const room = channel();
      const results = [
        await publish(room, "a"),
        await publish(room, "b"),
        await publish(room, "c"),
      ];
      const epoch = results[0]?.position?.epoch ?? "";
      expect(epoch).not.toBe("");
      expect(results).toEqual(
        [1, 2, 3].map((offset) => ({ position: { offset, epoch }, duplicate: false })),
      );
      const page = await history(room);
      expect(page.top).toEqual({ offset: 3, epoch });
      expect(page.publications.map(({ offset, data }) => `${offset} ${String(data)}`)).toEqual([
        '1 "a"',
        '2 "b"',
        '3 "c"',
      ]);
    },
  );

  busTest(
    engine,
    "gives channels epochs of their own and publications ids of their own",
    async ({ publish, history, channel }) => {
      const [one, two] = [channel(), channel()];
      for (const room of [one, two, one, two]) await publish(room, 0);
      const pages = [await history(one), await history(two)];
      expect(pages[0]?.top.epoch).not.toBe(pages[1]?.top.epoch);
      const ids = pages.flatMap((page) => page.publications.map(({ id }) => id));
      expect(ids).not.toContain("");
      expect(new Set(ids).size).toBe(4);
    },
  );

  busTest(
    engine,
    "appends concurrent publishes in the order they were issued",
    async ({ publish, history, channel }) => {
      const rooms = [channel(), channel(), channel()];
      const results = await Promise.all(
        numbers(burst).flatMap((n) => rooms.map((room) => publish(room, n))),
      );
      for (const [index, room] of rooms.entries()) {
        const mine = results.filter((_, at) => at % rooms.length === index);
        expect(mine.map((result) => result.position?.offset)).toEqual([...numbers(burst)]);
        const page = await history(room);
        expect(page.publications.map(({ offset, data }) => `${offset} ${String(data)}`)).toEqual(
          numbers(burst).map((n) => `${n} ${n}`),
        );
      }
    },
  );

  busTest(
    engine,
    "pages forward and in reverse, from an exclusive offset, with a limit",
    async ({ publish, history, channel }) => {
      const room = channel();
      for (const n of numbers(5)) await publish(room, n);
      const page = async (query: Parameters<typeof history>[1]): Promise<readonly number[]> =>
        offsets(await history(room, query));
      expect(await page({})).toEqual([1, 2, 3, 4, 5]);
      expect(await page({ reverse: true })).toEqual([5, 4, 3, 2, 1]);
      expect(await page({ limit: 2 })).toEqual([1, 2]);
      expect(await page({ limit: 2, reverse: true })).toEqual([5, 4]);
      expect(await page({ limit: 100 })).toEqual([1, 2, 3, 4, 5]);
      expect(await page({ since: { offset: 2 } })).toEqual([3, 4, 5]);
      expect(await page({ since: { offset: 2 }, limit: 2 })).toEqual([3, 4]);
      expect(await page({ since: { offset: 4 }, reverse: true })).toEqual([3, 2, 1]);
      expect(await page({ since: { offset: 4 }, limit: 1, reverse: true })).toEqual([3]);
      expect(await page({ since: { offset: 0 } })).toEqual([1, 2, 3, 4, 5]);
      expect(await page({ since: { offset: 1 }, reverse: true })).toEqual([]);
      expect(await page({ since: { offset: 5 } })).toEqual([]);
      expect(await page({ since: { offset: 99 } })).toEqual([]);
      expect(await page({ since: { offset: 99 }, reverse: true })).toEqual([5, 4, 3, 2, 1]);
      const positionOnly = await history(room, { limit: 0 });
      expect(positionOnly.publications).toEqual([]);
      expect(positionOnly.top.offset).toBe(5);
    },
  );

  busTest(
    engine,
    "creates a lasting stream at offset 0 when a channel is read first",
    async ({ publish, history, channel }) => {
      const room = channel();
      const first = await history(room, { limit: 0 });
      expect(first.publications).toEqual([]);
      expect(first.top.offset).toBe(0);
      expect(first.top.epoch).not.toBe("");
      expect((await history(room)).top).toEqual(first.top);
      expect((await publish(room, 1)).position).toEqual({ offset: 1, epoch: first.top.epoch });
    },
  );

  busTest(
    engine,
    "gives concurrent first reads and publishes one epoch",
    async ({ publish, history, channel }) => {
      const room = channel();
      const [a, published, b] = await Promise.all([history(room), publish(room, 1), history(room)]);
      expect(new Set([a.top.epoch, published.position?.epoch, b.top.epoch]).size).toBe(1);
      for (const page of [a, b]) expect(offsets(page)).toEqual(page.top.offset === 0 ? [] : [1]);
    },
  );

  busTest(engine, "keeps the newest `size` publications", async ({ publish, history, channel }) => {
    const room = channel();
    const retention = { ...longRetention, size: 3 };
    for (const n of numbers(7)) await publish(room, n, { retention });
    const page = await history(room, { retention });
    expect(offsets(page)).toEqual([5, 6, 7]);
    expect(page.top.offset).toBe(7);
    expect(offsets(await history(room, { retention, since: { offset: 1 } }))).toEqual([5, 6, 7]);
    expect(
      offsets(await history(room, { retention, since: { offset: 4 }, reverse: true })),
    ).toEqual([]);
  });

  busTest(
    engine,
    "follows a size that grows and shrinks",
    async ({ publish, history, channel }) => {
      const room = channel();
      const resized = async (count: number, size: number): Promise<void> => {
        for (const n of numbers(count))
          await publish(room, n, { retention: { ...longRetention, size } });
      };
      await resized(40, 20);
      expect(offsets(await history(room))).toEqual(numbers(40).slice(20));
      await resized(10, 100);
      expect(offsets(await history(room))).toEqual(numbers(50).slice(20));
      await resized(1, 2);
      expect(offsets(await history(room))).toEqual([50, 51]);
    },
  );

  busTest(
    engine,
    "ends each publication after its ttl and keeps top and epoch",
    async ({ publish, history, channel, fixture }) => {
      const room = channel();
      const retention = { size: 10, ttlMs: shortTtlMs, metaTtlMs: 60_000 };
      const first = await publish(room, 1, { retention });
      await fixture.passTime(shortTtlMs * 0.75);
      await publish(room, 2, { retention });
      await fixture.passTime(shortTtlMs * 0.5);
      expect(offsets(await history(room, { retention }))).toEqual([2]);
      await fixture.passTime(shortTtlMs);
      const empty = await history(room, { retention });
      expect(empty).toEqual({
        publications: [],
        top: { offset: 2, epoch: first.position?.epoch ?? "" },
      });
      expect((await publish(room, 3, { retention })).position?.offset).toBe(3);
    },
  );

  busTest(
    engine,
    "begins a new epoch at offset 1 when the metadata has ended",
    async ({ publish, history, channel, fixture }) => {
      const retention = { size: 10, ttlMs: shortTtlMs, metaTtlMs: shortTtlMs };
      const [room, other] = [channel(), channel()];
      const first = [await publish(room, 1, { retention }), await publish(other, 1, { retention })];
      await fixture.passTime(shortTtlMs * 3);
      const again = await publish(room, 2, { retention });
      expect(again.position?.offset).toBe(1);
      expect(again.position?.epoch).not.toBe(first[0]?.position?.epoch);
      const read = await history(other, { retention });
      expect(read.publications).toEqual([]);
      expect(read.top.offset).toBe(0);
      expect(read.top.epoch).not.toBe(first[1]?.position?.epoch);
    },
  );

  busTest(
    engine,
    "keeps the metadata of a channel that is read",
    async ({ publish, history, channel, fixture }) => {
      const retention = { size: 10, ttlMs: 50, metaTtlMs: shortTtlMs };
      const room = channel();
      const first = await publish(room, 1, { retention });
      for (const _ of numbers(4)) {
        await fixture.passTime(shortTtlMs / 2);
        expect((await history(room, { retention, limit: 0 })).top).toEqual(
          first.position ?? { offset: 0, epoch: "" },
        );
      }
    },
  );

  busTest(
    engine,
    "removes history and keeps top and epoch",
    async ({ publish, bus, history, channel }) => {
      const room = channel();
      await publish(room, 1);
      const second = await publish(room, 2);
      await bus.channels.removeHistory(room);
      await bus.channels.removeHistory(room);
      expect(await history(room)).toEqual({
        publications: [],
        top: { offset: 2, epoch: second.position?.epoch ?? "" },
      });
      expect((await publish(room, 3)).position).toEqual({
        offset: 3,
        epoch: second.position?.epoch ?? "",
      });
      expect(offsets(await history(room, { since: { offset: 0 } }))).toEqual([3]);
      await bus.channels.removeHistory(channel("never used"));
    },
  );

  busTest(engine, "stores nothing without retention", async ({ publish, history, channel }) => {
    const room = channel();
    expect(await publish(room, 1, { retention: undefined })).toEqual({
      position: undefined,
      duplicate: false,
    });
    expect((await publish(room, 2)).position?.offset).toBe(1);
    await publish(room, 3, { retention: undefined });
    const page = await history(room);
    expect(page.publications.map(({ data }) => String(data))).toEqual(["2"]);
    expect(page.top.offset).toBe(1);
  });
}
