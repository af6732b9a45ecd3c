import { describe, expect, test } from "bun:test";
import type { FanOut, Frame, Link } from "@switchyard/core";
import { disconnects } from "@switchyard/protocol";
import { turn } from "../time/turn.ts";

/** How the fan-out contract makes a transport. */
export interface FanOutEngine {
  create(): Promise<FanOutFixture>;
}

export interface FanOutFixture {
  readonly fanOut: FanOut;
  /** Bytes that a link may have buffered before it is closed as slow. At most 64 MiB, so that a test can reach it. */
  readonly queueBytes: number;
  /** Connects a peer. */
  readonly open: () => Promise<LinkPeer>;
  /** Called after each test; ends every peer that is left. */
  dispose(): Promise<void>;
}

/** Both ends of one link. */
export interface LinkPeer {
  /** The server's end. */
  readonly link: Link;
  /** All that the peer has received so far. Fulfils as soon as that is at least `count` frames. */
  received(count: number): Promise<readonly Frame[]>;
  /** Fulfils when the peer sees the end of the link: with the code it was told, undefined when there was none. */
  ended(): Promise<number | undefined>;
  stopReading(): void;
  resumeReading(): void;
  /** Goes away without closing. Fulfils when the server has noticed. */
  vanish(): Promise<void>;
}

/** All that the ports `FanOut` and `Link` promise, as tests, for every transport. */
export function fanOutContract(name: string, engine: FanOutEngine): void {
  const fanOutTest = (title: string, body: (fixture: FanOutFixture) => Promise<void>): void => {
    test(title, async () => {
      const fixture = await engine.create();
      try {
        await body(fixture);
      } finally {
        await fixture.dispose();
      }
    });
  };
  const texts = (frames: readonly Frame[]): string[] =>
    frames.map((frame) => (typeof frame === "string" ? frame : Buffer.from(frame).toString()));

  describe(name, () => {
    fanOutTest(
      "delivers a publication to those who have joined, and only to them",
      async ({ fanOut, open }) => {
        const [a, b, c] = [await open(), await open(), await open()];
        a.link.join("t");
        b.link.join("t");
        c.link.join("u");
        fanOut.publish("t", "one");
        fanOut.publish("u", "two");
        fanOut.publish("nobody", "three");
        for (const peer of [a, b, c]) peer.link.send("end");
        expect(texts(await a.received(2))).toEqual(["one", "end"]);
        expect(texts(await b.received(2))).toEqual(["one", "end"]);
        expect(texts(await c.received(2))).toEqual(["two", "end"]);
        expect(a.link.fanOut).toBe(fanOut);
      },
    );

    fanOutTest(
      "keeps sends and publications of a link in the order of the calls",
      async ({ fanOut, open }) => {
        const peer = await open();
        peer.link.join("t");
        peer.link.join("u");
        const expected: string[] = [];
        for (let i = 0; i < 300; i += 1) {
          const frame = `frame ${i}`;
          expected.push(frame);
          if (i % 3 === 0) peer.link.send(frame);
          else fanOut.publish(i % 3 === 1 ? "t" : "u", frame);
          if (i % 50 === 49) await turn();
        }
        expect(texts(await peer.received(expected.length))).toEqual(expected);
      },
    );

    fanOutTest(
      "begins at join: what was published before in the same turn does not come",
      async ({ fanOut, open }) => {
        const [early, late] = [await open(), await open()];
        early.link.join("t");
        fanOut.publish("t", "before");
        late.link.join("t");
        late.link.join("t");
        fanOut.publish("t", "after");
        expect(texts(await early.received(2))).toEqual(["before", "after"]);
        late.link.send("end");
        expect(texts(await late.received(2))).toEqual(["after", "end"]);
      },
    );

    fanOutTest("ends at leave: what was published before still comes", async ({ fanOut, open }) => {
      const peer = await open();
      peer.link.leave("never joined");
      peer.link.join("t");
      fanOut.publish("t", "before");
      peer.link.leave("t");
      peer.link.leave("t");
      fanOut.publish("t", "after");
      peer.link.send("end");
      expect(texts(await peer.received(2))).toEqual(["before", "end"]);
    });

    fanOutTest(
      "leave and join again within a turn loses only what lies between",
      async ({ fanOut, open }) => {
        const peer = await open();
        peer.link.join("t");
        fanOut.publish("t", "1");
        peer.link.leave("t");
        fanOut.publish("t", "2");
        peer.link.join("t");
        fanOut.publish("t", "3");
        peer.link.send("end");
        expect(texts(await peer.received(3))).toEqual(["1", "3", "end"]);
      },
    );

    fanOutTest("carries odd topics and frames", async ({ fanOut, open }) => {
      const peer = await open();
      const topics = ["", " ", "a/b/#", "żółw 🐢", "{x}", "t".repeat(500)];
      for (const topic of topics) peer.link.join(topic);
      for (const topic of topics) fanOut.publish(topic, `{"topic":"${topic}"}`);
      const big = `"${"x".repeat(100_000)}"`;
      peer.link.send(big);
      const frames = texts(await peer.received(topics.length + 1));
      expect(frames.slice(0, -1)).toEqual(topics.map((topic) => `{"topic":"${topic}"}`));
      expect(frames.at(-1) === big).toBe(true);
    });

    fanOutTest(
      "closes after what was sent, once, and takes nothing afterwards",
      async ({ fanOut, open }) => {
        const [peer, other] = [await open(), await open()];
        peer.link.join("t");
        other.link.join("t");
        peer.link.send("sent");
        fanOut.publish("t", "published");
        peer.link.close(disconnects.forceReconnect);
        peer.link.close(disconnects.shutdown);
        peer.link.send("late");
        peer.link.join("u");
        peer.link.leave("t");
        fanOut.publish("t", "late");
        fanOut.publish("u", "late");
        expect(await peer.ended()).toBe(disconnects.forceReconnect.code);
        expect(texts(await peer.received(0))).toEqual(["sent", "published"]);
        expect(peer.link.bufferedBytes()).toBe(0);
        expect(texts(await other.received(2))).toEqual(["published", "late"]);
        peer.link.close(disconnects.shutdown);
      },
    );

    fanOutTest("takes calls for a peer that has gone", async ({ fanOut, open }) => {
      const [peer, other] = [await open(), await open()];
      peer.link.join("t");
      other.link.join("t");
      await peer.vanish();
      peer.link.send("late");
      peer.link.join("u");
      peer.link.leave("t");
      peer.link.close(disconnects.stale);
      fanOut.publish("t", "for the other");
      expect(peer.link.bufferedBytes()).toBe(0);
      expect(texts(await other.received(1))).toEqual(["for the other"]);
    });

    fanOutTest(
      "counts what the peer has not taken, and keeps all of it in order",
      async ({ open, queueBytes }) => {
        const peer = await open();
        expect(peer.link.bufferedBytes()).toBe(0);
        peer.stopReading();
        const frameBytes = Math.min(65_536, Math.floor(queueBytes / 4));
        let sent = 0;
        // Whatever the kernel takes comes first; half the bound stays clear of the slow close.
        while (peer.link.bufferedBytes() === 0 && sent < 4_096) {
          peer.link.send(`${sent}`.padEnd(frameBytes, "."));
          sent += 1;
          await turn();
        }
        expect(peer.link.bufferedBytes()).toBeGreaterThan(0);
        expect(peer.link.bufferedBytes()).toBeLessThanOrEqual(queueBytes);
        peer.resumeReading();
        const frames = texts(await peer.received(sent));
        expect(frames.map((frame) => Number.parseInt(frame, 10))).toEqual(
          Array.from({ length: sent }, (_, index) => index),
        );
        expect(peer.link.bufferedBytes()).toBe(0);
      },
    );

    fanOutTest(
      "closes a link that is too slow, and the others receive everything",
      async ({ fanOut, open, queueBytes }) => {
        const [slow, quick] = [await open(), await open()];
        slow.link.join("t");
        quick.link.join("t");
        slow.stopReading();
        const frame = ".".repeat(65_536);
        // The bound and what a kernel buffers on top of it, with room to spare.
        const count = Math.ceil(queueBytes / frame.length) + 400;
        for (let i = 0; i < count; i += 1) {
          fanOut.publish("t", frame);
          expect(slow.link.bufferedBytes()).toBeLessThanOrEqual(queueBytes + frame.length);
          await quick.received(i + 1);
        }
        slow.resumeReading();
        await slow.ended();
        slow.link.send("late");
        const taken = await slow.received(0);
        expect(taken.length).toBeLessThan(count);
        expect(taken.every((one) => one === frame)).toBe(true);
        expect(await quick.received(count)).toHaveLength(count);
      },
    );
  });
}
