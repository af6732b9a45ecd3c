import { expect, test } from "bun:test";
import { settled } from "./harness/settled.ts";
import { createTestBroker, eventTo, queueNamed } from "./harness/test-broker.ts";

test("the rates of a queue are those of the last five seconds that are over", async () => {
  const { broker, clock } = createTestBroker();
  await broker.start();
  await broker.declareQueue(queueNamed("q"));
  const published = (): number => broker.queue("q").rates.published;
  await clock.advance(5_000); // the first look at the queue
  await settled();
  await broker.publish(
    Array.from({ length: 20 }, (_, n) => eventTo("q", n)),
    "p",
  );
  expect(published()).toBe(0);
  await clock.advance(5_000);
  await settled();
  expect(published()).toBe(4);
  await clock.advance(5_000);
  await settled();
  expect(published()).toBe(0);
  await broker.stop();
});
