import { expect, test } from "bun:test";
import { disconnects } from "@switchyard/protocol";
import { fanOutContract } from "../contracts/fan-out-contract.ts";
import { RecordingFanOut } from "./recording-fan-out.ts";

fanOutContract("recording fan-out", {
  create: async () => {
    const queueBytes = 1_048_576;
    const fanOut = new RecordingFanOut({ queueBytes });
    return {
      fanOut,
      queueBytes,
      open: async () => {
        const link = fanOut.open();
        return {
          link,
          received: async (count) => {
            expect(link.received.length).toBeGreaterThanOrEqual(count);
            return link.received;
          },
          ended: async () => {
            expect(link.isOpen).toBe(false);
            return link.closedWith?.code;
          },
          stopReading: () => link.stopReading(),
          resumeReading: () => link.resumeReading(),
          vanish: async () => link.vanish(),
        };
      },
      dispose: async () => undefined,
    };
  },
});

test("tells what was published, who has joined and what a link was closed with", () => {
  const fanOut = new RecordingFanOut({ transport: "sse" });
  const [a, b] = [fanOut.open(), fanOut.open()];
  a.join("t");
  b.join("t");
  b.join("u");
  fanOut.publish("t", "one");
  fanOut.publish("nobody", Uint8Array.of(104, 105));
  a.send(Uint8Array.of(104, 105));
  expect(fanOut.transport).toBe("sse");
  expect(fanOut.published).toEqual([
    { topic: "t", frame: "one" },
    { topic: "nobody", frame: Uint8Array.of(104, 105) },
  ]);
  expect(fanOut.topics()).toEqual(
    new Map([
      ["t", 2],
      ["u", 1],
    ]),
  );
  expect(a.texts).toEqual(["one", "hi"]);
  b.close(disconnects.stale);
  expect(b.closedWith).toEqual(disconnects.stale);
  b.join("t");
  expect(b.topics.size).toBe(0);
  expect(fanOut.topics()).toEqual(new Map([["t", 1]]));
  a.vanish();
  expect(a.closedWith).toBeUndefined();
  expect(fanOut.topics().size).toBe(0);
});

test("buffers exactly the bound, pretends other amounts on request", () => {
  const link = new RecordingFanOut({ queueBytes: 4 }).open();
  link.stopReading();
  link.send("żab");
  expect(link.bufferedBytes()).toBe(4);
  expect(link.isOpen).toBe(true);
  link.pretendBufferedBytes(1);
  expect(link.bufferedBytes()).toBe(1);
  link.pretendBufferedBytes(undefined);
  link.send("!");
  expect(link.closedWith).toEqual(disconnects.slow);
});
