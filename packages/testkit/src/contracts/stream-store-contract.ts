import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { channelName } from "@switchyard/core";
import type { SnapshotPublication, StreamSnapshot, StreamStore } from "@switchyard/core";
import { trustJsonText } from "@switchyard/protocol";

/** A stream store under test, empty at first, with a clock that the test moves. */
export interface StreamStoreHarness {
  readonly store: StreamStore;
  /** Another store on the same data, as the next process would open it. */
  reopen(): StreamStore | Promise<StreamStore>;
  /** Lets `ms` pass on the store's own clock. */
  elapse(ms: number): void | Promise<void>;
  close(): void | Promise<void>;
}

const minute = 60_000;
/** Between `save` and `take` of a test, real time passes where the store's clock is real. */
const tolerance = 30_000;

/** What every `StreamStore` keeps. Call inside a test file; each test gets a harness of its own. */
export function streamStoreContract(
  name: string,
  makeHarness: () => StreamStoreHarness | Promise<StreamStoreHarness>,
): void {
  describe(`stream store contract: ${name}`, () => {
    let harness: StreamStoreHarness;
    beforeEach(async () => {
      harness = await makeHarness();
    });
    afterEach(() => harness.close());

    test("an empty store has nothing to take", async () => {
      expect(await harness.store.take()).toEqual([]);
    });

    test("gives back what was saved, value for value, to another process", async () => {
      const saved = [
        snapshot("news:1", {
          version: 7,
          versionEpoch: "v1",
          publications: [
            publication(41, '{"n":9007199254740993,"s":"ü€😀","z":1.50}'),
            publication(42, '  {"b":1, "a":2}'),
          ],
          top: 42,
        }),
        snapshot("empty:2", { top: 9 }),
      ];
      await harness.store.save(saved);
      const taken = await (await harness.reopen()).take();
      expect(withoutLives(taken)).toEqual(withoutLives(saved));
    });

    test("keeps payloads that are bytes, every value of a byte, and the empty one", async () => {
      const all = Uint8Array.from({ length: 256 }, (_, value) => value);
      const bytes = [all, new Uint8Array(0), all.subarray(100, 110)];
      const publications = bytes.map((data, index) => publication(index + 1, data));
      await harness.store.save([snapshot("bytes:1", { top: 3, publications })]);
      const [taken] = await harness.store.take();
      expect(taken?.publications.map((item) => item.publication.data)).toEqual(bytes);
    });

    test("keeps info, tags and strings that databases like to refuse", async () => {
      const odd = "a\u0000b\"\\'\ud800 {},NULL\n\t";
      const item = publication(1, '"\\u0000"', {
        id: odd,
        info: {
          user: odd,
          client: "c",
          connInfo: trustJsonText('{"x":1.10}'),
          chanInfo: undefined,
        },
        tags: { [odd]: odd, "": "", null: "null" },
        publishedAt: 1_700_000_000_123.456,
      });
      const streams = [
        snapshot(odd, {
          epoch: odd,
          versionEpoch: odd,
          version: 1.8e19,
          top: 1,
          publications: [item],
        }),
        snapshot("NULL", { epoch: "", top: Number.MAX_SAFE_INTEGER }),
        snapshot("", {}),
      ];
      await harness.store.save(streams);
      expect(withoutLives(await harness.store.take())).toEqual(withoutLives(streams));
    });

    test("take removes", async () => {
      await harness.store.save([snapshot("a:1", { top: 1, publications: [publication(1, "1")] })]);
      expect(await harness.store.take()).toHaveLength(1);
      expect(await harness.store.take()).toEqual([]);
      expect(await (await harness.reopen()).take()).toEqual([]);
    });

    test("two that take at once do not both get the streams", async () => {
      await harness.store.save([snapshot("a:1", { top: 1, publications: [publication(1, "1")] })]);
      const other = await harness.reopen();
      const taken = await Promise.all([harness.store.take(), other.take()]);
      expect(
        taken.map((streams) => streams.length).toSorted((left, right) => left - right),
      ).toEqual([0, 1]);
      expect(taken.flat()[0]?.publications).toHaveLength(1);
    });

    test("save replaces all that was there", async () => {
      await harness.store.save([
        snapshot("old:1", { top: 1, publications: [publication(1, "1")] }),
      ]);
      await harness.store.save([snapshot("new:1", { top: 5 })]);
      expect(
        (await harness.store.take()).map(({ channel, top }) => [channel, top] as const),
      ).toEqual([[channelName("new:1"), 5]]);
    });

    test("saving nothing leaves nothing", async () => {
      await harness.store.save([snapshot("old:1", { top: 1 })]);
      await harness.store.save([]);
      expect(await harness.store.take()).toEqual([]);
    });

    test("a save that fails half-way leaves what was there", async () => {
      await harness.store.save([
        snapshot("old:1", { top: 1, publications: [publication(1, '"old"')] }),
      ]);
      const failure = new Error("the bus broke while it wrote");
      function* failing(): Generator<StreamSnapshot> {
        for (let index = 0; index < 3_000; index += 1)
          yield snapshot(`new:${index}`, { top: index });
        throw failure;
      }
      // A rejection, never a synchronous throw: hence `then` on what save returns.
      const outcome = await harness.store.save(failing()).then(
        () => "saved",
        (error: unknown) => error,
      );
      expect(outcome).toBe(failure);
      const taken = await harness.store.take();
      expect(taken.map(({ channel }) => channel)).toEqual([channelName("old:1")]);
      expect(taken[0]?.publications[0]?.publication.data).toBe(trustJsonText('"old"'));
    });

    test("the time between save and take is taken off the lives", async () => {
      await harness.store.save([
        snapshot("a:1", {
          top: 3,
          metaTtlLeftMs: 60 * minute,
          publications: [
            publication(1, "1", {}, 5 * minute),
            publication(2, "2", {}, 20 * minute),
            publication(3, "3", {}, 30 * minute),
          ],
        }),
        snapshot("b:1", {
          top: 1,
          metaTtlLeftMs: 9 * minute,
          publications: [publication(1, "1", {}, 60 * minute)],
        }),
        snapshot("c:1", {
          top: 1,
          metaTtlLeftMs: 11 * minute,
          publications: [publication(1, "1", {}, minute)],
        }),
      ]);
      await harness.elapse(10 * minute);
      const taken = await harness.store.take();
      expect(taken.map(({ channel, top }) => [String(channel), top] as const)).toEqual([
        ["a:1", 3],
        ["c:1", 1],
      ]);
      const [first, second] = taken;
      expect(first?.publications.map((item) => item.publication.offset)).toEqual([2, 3]);
      expect(second?.publications).toEqual([]);
      expectLife(first?.metaTtlLeftMs, 50 * minute);
      expectLife(first?.publications[0]?.ttlLeftMs, 10 * minute);
      expectLife(first?.publications[1]?.ttlLeftMs, 20 * minute);
      expectLife(second?.metaTtlLeftMs, minute);
    });

    test("a life without an end is a long one", async () => {
      const publications = [publication(1, "1", {}, Number.POSITIVE_INFINITY)];
      const metaTtlLeftMs = Number.POSITIVE_INFINITY;
      await harness.store.save([snapshot("a:1", { top: 1, publications, metaTtlLeftMs })]);
      await harness.elapse(365 * 24 * 60 * minute);
      const [taken] = await harness.store.take();
      expect(taken?.metaTtlLeftMs).toBeGreaterThan(365 * 24 * 60 * minute);
      expect(taken?.publications[0]?.ttlLeftMs).toBeGreaterThan(365 * 24 * 60 * minute);
    });

    test("more than any batch comes back whole and in order", async () => {
      function* many(): Generator<StreamSnapshot> {
        for (let stream = 0; stream < 40; stream += 1) {
          const publications = Array.from({ length: 150 }, (_, index) =>
            publication(
              index + 1,
              JSON.stringify({ stream, index, filler: "x".repeat(stream * 30) }),
            ),
          );
          yield snapshot(`many:${stream}`, { top: 150, publications });
        }
      }
      await harness.store.save(many());
      const taken = await harness.store.take();
      expect(withoutLives(taken)).toEqual(withoutLives([...many()]));
    });
  });
}

function snapshot(channel: string, members: Partial<StreamSnapshot>): StreamSnapshot {
  return {
    channel: channelName(channel),
    epoch: `epoch of ${channel}`,
    top: 0,
    publications: [],
    metaTtlLeftMs: 60 * minute,
    version: 0,
    versionEpoch: "",
    ...members,
  };
}

function publication(
  offset: number,
  data: string | Uint8Array,
  members: Partial<SnapshotPublication["publication"]> = {},
  ttlLeftMs = 60 * minute,
): SnapshotPublication {
  return {
    publication: {
      data: typeof data === "string" ? trustJsonText(data) : data,
      offset,
      id: `id-${offset}`,
      info: undefined,
      tags: undefined,
      publishedAt: 1_700_000_000_000 + offset,
      ...members,
    },
    ttlLeftMs,
  };
}

/** Everything but the lives, which depend on the time that the test itself takes. */
function withoutLives(streams: readonly StreamSnapshot[]): readonly unknown[] {
  return streams.map(({ metaTtlLeftMs: _life, publications, ...rest }) => ({
    ...rest,
    publications: publications.map((item) => item.publication),
  }));
}

function expectLife(leftMs: number | undefined, expectedMs: number): void {
  expect(leftMs).toBeLessThanOrEqual(expectedMs);
  expect(leftMs).toBeGreaterThan(expectedMs - tolerance);
}
