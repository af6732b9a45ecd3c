import { expect, test } from "bun:test";
import { FakeClock } from "@switchyard/testkit";
import { insist } from "./insist.ts";

test("calls again until it works", async () => {
  const clock = new FakeClock();
  let calls = 0;
  const done = insist(
    async () => {
      calls += 1;
      if (calls < 4) throw new Error("not yet");
    },
    { clock, patienceMs: 10_000 },
  );
  for (let step = 0; step < 7; step += 1) await clock.advance(100);
  await done;
  expect(calls).toBe(4);
});

test("loses patience, and says what was wrong last", async () => {
  const clock = new FakeClock();
  let calls = 0;
  const outcome = insist(
    async () => {
      calls += 1;
      throw new Error(`failure ${calls}`);
    },
    { clock, patienceMs: 1_000 },
  ).catch(String);
  for (let step = 0; step < 20; step += 1) await clock.advance(100);
  // At 0, 100, 300 and 700 ms.
  expect(await outcome).toBe("Error: failure 4");
});
