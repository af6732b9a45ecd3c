import { describe, expect, test } from "bun:test";
import { channelName } from "@switchyard/core";
import type { SnapshotPublication, StreamSnapshot } from "@switchyard/core";
import { trustJsonText } from "@switchyard/protocol";
import { ChunkReader, encodeChunks } from "./stream-chunk.ts";

function publication(
  offset: number,
  data: string | Uint8Array,
  ttlLeftMs = 60_000,
): SnapshotPublication {
  return {
    publication: {
      data: typeof data === "string" ? trustJsonText(data) : data,
      offset,
      id: `i${offset}`,
      info: undefined,
      tags: undefined,
      publishedAt: 1,
    },
    ttlLeftMs,
  };
}

function stream(
  channel: string,
  publications: readonly SnapshotPublication[],
  metaTtlLeftMs = 60_000,
): StreamSnapshot {
  return {
    channel: channelName(channel),
    epoch: "e",
    top: publications.length,
    publications,
    metaTtlLeftMs,
    version: 0,
    versionEpoch: "",
  };
}

/** Through chunks and back, with how many there were. */
function again(
  streams: readonly StreamSnapshot[],
  chunkBytes: number,
  elapsedMs = 0,
): { readonly chunks: number; readonly streams: readonly StreamSnapshot[] } {
  const chunks = [...encodeChunks(streams, chunkBytes)];
  const reader = new ChunkReader(elapsedMs);
  for (const chunk of chunks) reader.add(chunk);
  return { chunks: chunks.length, streams: reader.streams };
}

const mixed = [
  stream("a", [publication(1, '"ü€😀"'), publication(2, Uint8Array.of(0, 10, 255))]),
  stream("empty", []),
  stream("b", [publication(1, "1"), publication(2, new Uint8Array(0)), publication(3, '"\\n"')]),
];

describe("chunks", () => {
  test.each([
    [1, 8],
    [150, 2],
    [1_000_000, 1],
  ])("of %p bytes give the same streams, wherever they are cut", (chunkBytes, chunks) =>
    expect(again(mixed, chunkBytes)).toEqual({ chunks, streams: mixed }),
  );

  test("are none without streams", () =>
    expect(again([], 100)).toEqual({ chunks: 0, streams: [] }));

  test("are made one by one, as they are asked for", () => {
    let asked = 0;
    function* counted(): Generator<StreamSnapshot> {
      for (;;) yield stream(`c${(asked += 1)}`, [publication(1, "1")]);
    }
    encodeChunks(counted(), 1).next();
    expect(asked).toBe(1);
  });
});

test("what has ended is left out, a stream with all its publications", () => {
  const streams = [
    stream("kept", [publication(1, "1", 500), publication(2, "2", 501)], 501),
    stream("ended", [publication(1, "3", 60_000)], 500),
    stream("last", [publication(1, "4", Infinity)], Infinity),
  ];
  for (const chunkBytes of [1, 1_000_000]) {
    const taken = again(streams, chunkBytes, 500).streams;
    expect(
      taken.map(({ channel, metaTtlLeftMs, publications }) => [
        String(channel),
        metaTtlLeftMs < 1e9 ? metaTtlLeftMs : "long",
        publications.map((item) => String(item.publication.data)),
      ]),
    ).toEqual([
      ["kept", 1, ["2"]],
      ["last", "long", ["4"]],
    ]);
  }
});

test("what is read does not keep the chunk in memory", () => {
  const [chunk] = encodeChunks([stream("a", [publication(1, Uint8Array.of(1, 2))])], 100);
  const reader = new ChunkReader(0);
  if (chunk) reader.add(chunk);
  chunk?.payloads.fill(9);
  expect(reader.streams[0]?.publications[0]?.publication.data).toEqual(Uint8Array.of(1, 2));
});
