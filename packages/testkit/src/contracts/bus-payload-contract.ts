import { expect } from "bun:test";
import { channelName, type NewPublication } from "@switchyard/core";
import { toJsonText, trustJsonText } from "@switchyard/protocol";
import type { BusEngine } from "./bus-engine.ts";
import { busTest, publishOptions } from "./bus-scenario.ts";

const oddNames = [
  "a b\tc",
  "{braces}",
  "{}",
  "user{1}:{2}",
  "::",
  "ns:a:b:c",
  "#user,other",
  "$private",
  "*?[a-z]",
  "żółw 🐢 日本",
  "e\u0301 and \u00e9",
  "quote\"'\\`",
  "nul\u0000inside",
  "__proto__",
  "constructor",
  "x".repeat(255),
];

/** What goes in comes out: payloads, names, client info and tags. */
export function busPayloadContract(engine: BusEngine): void {
  busTest(
    engine,
    "keeps the text of JSON to the last digit",
    async ({ bus, recorder, publishPayload, history, channel }) => {
      const room = channel();
      const texts = [
        "9007199254740993",
        '{"id":12345678901234567890,"pi":3.14159265358979323846,"e":1E400,"zero":-0.0,"a":1,"a":2}',
        '  [ 1 ,2, "\\u0041\\ud83d\\ude00" ]  ',
        '"\u2028\u2029 žluťoučký 🐎"',
        "null",
        '""',
      ].map(trustJsonText);
      await bus.channels.subscribe(room);
      for (const text of texts) await publishPayload(room, text);
      await recorder.until(() => recorder.publications.length === texts.length);
      expect(recorder.on(room).map(({ data }) => data)).toEqual(texts);
      expect((await history(room)).publications.map(({ data }) => data)).toEqual(texts);
    },
  );

  busTest(
    engine,
    "keeps bytes as bytes",
    async ({ bus, recorder, publishPayload, history, channel }) => {
      const room = channel();
      const payloads = [
        Uint8Array.from({ length: 256 }, (_, index) => index),
        new Uint8Array(0),
        Uint8Array.of(0xff, 0xfe, 0x00, 0x0a, 0x0d),
        new TextEncoder().encode('{"looks":"like JSON"}'),
      ];
      await bus.channels.subscribe(room);
      for (const payload of payloads) await publishPayload(room, payload);
      await recorder.until(() => recorder.publications.length === payloads.length);
      for (const publications of [recorder.on(room), (await history(room)).publications]) {
        for (const [index, { data }] of publications.entries()) {
          if (typeof data === "string") throw new Error("bytes came back as text");
          expect(Buffer.from(data).equals(payloads[index] ?? new Uint8Array())).toBe(true);
        }
      }
    },
  );

  busTest(
    engine,
    "carries a payload of 4 MiB",
    async ({ bus, recorder, publishPayload, history, channel }) => {
      const room = channel();
      const text = toJsonText("0123456789abcdef".repeat((4 * 1024 * 1024) / 16));
      await bus.channels.subscribe(room);
      await publishPayload(room, text);
      await recorder.until(() => recorder.publications.length === 1);
      // toBe on the comparison: a failure must not print 4 MiB.
      expect(recorder.on(room)[0]?.data === text).toBe(true);
      expect((await history(room)).publications[0]?.data === text).toBe(true);
    },
  );

  busTest(
    engine,
    "keeps channels with odd names apart",
    async ({ bus, recorder, publish, history, channel }) => {
      const suffix = channel("");
      const rooms = oddNames.flatMap((name) => [
        channelName(name + suffix),
        channelName(suffix + name),
      ]);
      for (const room of rooms) await bus.channels.subscribe(room);
      for (const room of rooms) await publish(room, room);
      await recorder.until(() => recorder.publications.length >= rooms.length);
      for (const room of rooms) {
        expect(recorder.data(room)).toEqual([JSON.stringify(room)]);
        expect((await history(room)).publications.map(({ data }) => data)).toEqual([
          toJsonText(room),
        ]);
      }
    },
  );

  busTest(
    engine,
    "keeps client info, tags and the time of publishing",
    async ({ bus, recorder, history, channel }) => {
      const room = channel();
      const publications: NewPublication[] = [
        {
          data: toJsonText(1),
          info: {
            user: "ann {1}",
            client: "c-1",
            connInfo: trustJsonText('{"n":9007199254740993}'),
            chanInfo: trustJsonText("[]"),
          },
          tags: { kind: "a", "odd key {}": "żółw", "": "" },
        },
        {
          data: toJsonText(2),
          info: { user: "", client: "c-2", connInfo: undefined, chanInfo: undefined },
          tags: {},
        },
      ];
      await bus.channels.subscribe(room);
      for (const publication of publications)
        await bus.channels.publish(room, publication, publishOptions());
      await recorder.until(() => recorder.publications.length === 2);
      expect(recorder.on(room)[0]).toMatchObject(publications[0] ?? {});
      expect(recorder.on(room)[1]?.info).toEqual(publications[1]?.info);
      // An engine may drop an empty set of tags: there is nothing in it.
      expect(recorder.on(room)[1]?.tags ?? {}).toEqual({});
      const page = await history(room);
      expect(page.publications).toEqual([...recorder.on(room)]);
      for (const { publishedAt } of page.publications)
        expect(publishedAt).toBeGreaterThan(1_600_000_000_000);
    },
  );
}
