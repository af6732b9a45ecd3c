import { describe, expect, test } from "bun:test";
import { FrameWalker, UnsupportedFrameError } from "./frame-walker.ts";

function serverFrame(opcode: number, payload: Uint8Array): Uint8Array {
  const length = payload.length;
  if (length < 126) return Uint8Array.from([0x80 | opcode, length, ...payload]);
  if (length < 65_536)
    return Uint8Array.from([0x80 | opcode, 126, length >>> 8, length & 0xff, ...payload]);
  const frame = new Uint8Array(10 + length);
  frame[0] = 0x80 | opcode;
  frame[1] = 127;
  new DataView(frame.buffer).setBigUint64(2, BigInt(length));
  frame.set(payload, 10);
  return frame;
}

function payloadOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + length) & 0xff);
}

function collect(chunks: readonly Uint8Array[]): { opcode: number; payload: Uint8Array }[] {
  const frames: { opcode: number; payload: Uint8Array }[] = [];
  const walker = new FrameWalker();
  for (const chunk of chunks) {
    walker.walk(chunk, {
      frame: (opcode, bytes, start, end) =>
        frames.push({ opcode, payload: bytes.slice(start, end) }),
    });
  }
  return frames;
}

const sent = [0, 1, 125, 126, 127, 300, 0, 2, 65_535, 65_536, 70_000, 5].map((length, index) => ({
  opcode: index % 2 === 0 ? 1 : 2,
  payload: payloadOf(length),
}));
const stream = Uint8Array.from(
  Buffer.concat(sent.map(({ opcode, payload }) => serverFrame(opcode, payload))),
);

describe("FrameWalker", () => {
  test("reports every frame of one chunk", () => {
    expect(collect([stream])).toEqual(sent);
  });

  test("reports the same frames whatever the chunk size", () => {
    for (const size of [1, 2, 3, 5, 7, 128, 1000, 65_537]) {
      const chunks: Uint8Array[] = [];
      for (let at = 0; at < stream.length; at += size) chunks.push(stream.subarray(at, at + size));
      expect(collect(chunks)).toEqual(sent);
    }
  });

  test("reports the same frames when cut in two at any place of the first 700 bytes", () => {
    for (let cut = 0; cut < 700; cut += 1)
      expect(collect([stream.subarray(0, cut), stream.subarray(cut)])).toEqual(sent);
  });

  test("holds back a frame until its last byte is there", () => {
    const frame = serverFrame(1, payloadOf(200));
    expect(collect([frame.subarray(0, frame.length - 1)])).toEqual([]);
    expect(
      collect([frame.subarray(0, frame.length - 1), frame.subarray(frame.length - 1)]),
    ).toHaveLength(1);
  });

  test.each([
    ["masked", [0x81, 0x80, 0, 0, 0, 0]],
    ["fragmented", [0x01, 0x00]],
    ["continuation", [0x80, 0x00]],
    ["compressed", [0xc1, 0x00]],
    ["huge", [0x82, 127, 0, 0, 1, 0, 0, 0, 0, 0]],
  ])("refuses a %s frame, whole and byte by byte", (_name, bytes) => {
    const frame = Uint8Array.from(bytes);
    expect(() => collect([frame])).toThrow(UnsupportedFrameError);
    expect(() => collect([...frame].map((byte) => Uint8Array.of(byte)))).toThrow(
      UnsupportedFrameError,
    );
  });
});
