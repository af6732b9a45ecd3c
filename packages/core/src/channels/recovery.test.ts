import { describe, expect, test } from "bun:test";
import { fuzzSeeds, SeededRandom } from "@switchyard/testkit";
import { toJsonText } from "@switchyard/protocol";
import type { Publication } from "./publication.ts";
import {
  recoverLatest,
  type RecoveryInput,
  type RecoveryResult,
  recoverStream,
} from "./recovery.ts";

const publication = (offset: number): Publication => ({
  data: toJsonText({ n: offset }),
  offset,
  id: `e:${offset}`,
  info: undefined,
  tags: undefined,
  publishedAt: 0,
});

/** Offsets from … to, both included. */
const run = (from: number, to: number): Publication[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, at) => publication(from + at));

const offsets = (result: RecoveryResult): unknown =>
  result.kind === "failed" ? "failed" : result.publications.map(({ offset }) => offset);

interface Scene {
  readonly since: number;
  readonly sinceEpoch?: string;
  /** What history gave: offsets from … to; the top is `to`. */
  readonly page: readonly [from: number, to: number];
  /** Of a page that was cut short by its limit. Default: `to`. */
  readonly top?: number;
  readonly pageEpoch?: string;
  readonly buffered?: readonly Publication[];
  readonly position: number;
  readonly maxPublications?: number;
  readonly maxBytes?: number;
  readonly maxPublicationBytes?: number;
}

function input(scene: Scene): RecoveryInput {
  const [from, to] = scene.page;
  return {
    since: { offset: scene.since, epoch: scene.sinceEpoch ?? "e" },
    page: {
      publications: run(from, to),
      top: { offset: scene.top ?? to, epoch: scene.pageEpoch ?? "e" },
    },
    buffered: scene.buffered ?? [],
    position: { offset: scene.position, epoch: "e" },
    maxPublications: scene.maxPublications ?? 100,
    maxBytes: scene.maxBytes ?? 1_000_000,
    maxPublicationBytes: scene.maxPublicationBytes ?? 1_000_000,
  };
}

describe("a stream is recovered when all of it can be had", () => {
  const golden: readonly (readonly [string, Scene, unknown])[] = [
    ["all that was missed", { since: 2, page: [3, 5], position: 5 }, [3, 4, 5]],
    ["nothing missed", { since: 5, page: [6, 5], position: 5 }, []],
    ["any epoch", { since: 2, sinceEpoch: "", page: [3, 5], position: 5 }, [3, 4, 5]],
    ["another epoch", { since: 2, sinceEpoch: "_", page: [3, 5], position: 5 }, "failed"],
    ["history of another epoch", { since: 2, page: [3, 5], pageEpoch: "x", position: 5 }, "failed"],
    ["beyond the top", { since: 6, page: [7, 5], position: 5 }, "failed"],
    ["trimmed", { since: 2, page: [4, 5], position: 5 }, "failed"],
    ["all trimmed", { since: 2, page: [6, 5], position: 5 }, "failed"],
    ["history ahead of the node", { since: 2, page: [3, 7], position: 5 }, [3, 4, 5]],
    [
      "live behind history",
      { since: 2, page: [3, 4], buffered: run(4, 6), position: 6 },
      [3, 4, 5, 6],
    ],
    ["live with a hole", { since: 2, page: [3, 4], buffered: run(6, 6), position: 6 }, "failed"],
    [
      "live beyond the node",
      { since: 2, page: [3, 4], buffered: run(5, 8), position: 6 },
      [3, 4, 5, 6],
    ],
    ["as many as allowed", { since: 2, page: [3, 5], position: 5, maxPublications: 3 }, [3, 4, 5]],
    ["one too many", { since: 2, page: [3, 5], position: 5, maxPublications: 2 }, "failed"],
    ["too heavy: the first", { since: 2, page: [3, 5], position: 5, maxBytes: 150 }, [3, 4]],
    ["too heavy, each of them", { since: 2, page: [3, 5], position: 5, maxBytes: 70 }, []],
    [
      "too heavy for the link, the first",
      { since: 2, page: [3, 5], position: 5, maxPublicationBytes: 70 },
      "failed",
    ],
    [
      "too heavy to send any, trimmed",
      { since: 2, page: [4, 5], position: 5, maxBytes: 0 },
      "failed",
    ],
    ["a page that was cut short", { since: 2, page: [3, 5], top: 9, position: 8 }, [3, 4, 5]],
    [
      "a page that was cut short, and live publications behind its top",
      { since: 2, page: [3, 5], top: 9, buffered: run(10, 11), position: 11 },
      [3, 4, 5],
    ],
    [
      "a page that was cut short, beyond the node",
      { since: 2, page: [3, 5], top: 9, position: 4 },
      [3, 4],
    ],
    ["trimmed beyond the node", { since: 2, page: [7, 8], top: 20, position: 5 }, "failed"],
  ];
  for (const [what, scene, expected] of golden) {
    test(what, () => {
      const result = recoverStream(input(scene));
      expect(offsets(result)).toEqual(expected);
      if (result.kind === "recovered")
        expect(result.reached).toBe(result.publications.at(-1)?.offset ?? scene.since);
    });
  }

  for (const seed of fuzzSeeds(20)) {
    test(`seed ${seed}: what is recovered is the client's offset + 1 … the node's, else it failed for a reason`, () => {
      const random = new SeededRandom(seed);
      for (let round = 0; round < 300; round += 1) {
        const top = random.int(12);
        const kept = random.int(12) + 1;
        const since = random.int(14);
        // History answers with what it keeps after `since`, up to its top.
        const first = Math.max(since, top - kept) + 1;
        const position = random.int(14);
        const bufferedFrom = random.int(14);
        const buffered = run(bufferedFrom, Math.max(bufferedFrom - 1, position + random.int(3)));
        // Of what came live, history is asked for all up to its top.
        const live = buffered.filter(({ offset }) => offset > top);
        const known = new Set([...run(first, top), ...live].map(({ offset }) => offset));
        const wanted = run(since + 1, position).map(({ offset }) => offset);
        const result = offsets(
          recoverStream(input({ since, page: [first, top], buffered, position })),
        );
        if (result !== "failed") expect(result).toEqual(wanted);
        else expect(since > position || wanted.some((offset) => !known.has(offset))).toBe(true);
      }
    });
  }
});

describe("of a cache only the latest counts", () => {
  const golden: readonly (readonly [string, Scene, unknown])[] = [
    ["the latest", { since: 1, page: [5, 5], position: 5 }, [5]],
    [
      "of a client without a position",
      { since: 0, sinceEpoch: "", page: [5, 5], position: 5 },
      [5],
    ],
    ["of a client of another epoch", { since: 5, sinceEpoch: "x", page: [5, 5], position: 5 }, [5]],
    ["the client has it", { since: 5, page: [5, 5], position: 5 }, []],
    ["it came live", { since: 1, page: [4, 4], buffered: run(5, 5), position: 5 }, [5]],
    ["it is not kept", { since: 1, page: [6, 5], position: 5 }, "failed"],
    ["history ahead of the node", { since: 1, page: [6, 6], position: 5 }, "failed"],
    ["history of another epoch", { since: 1, page: [5, 5], pageEpoch: "x", position: 5 }, "failed"],
  ];
  for (const [what, scene, expected] of golden) {
    test(what, () => expect(offsets(recoverLatest(input(scene)))).toEqual(expected));
  }
});
