import type { QueueTerms } from "./check/history.ts";
import { askApi } from "./load/http-api.ts";
import { deadLetterQueues } from "./load/topology.ts";
import { isRecord, numberOf, type Recorder } from "./recorder.ts";
import type { ServerUnderTest } from "./world/server-under-test.ts";

/** When neither a depth nor a delivery has changed for this long, nothing will come: longer than any delay and lease. */
const calmMs = 3_000;
const lookMs = 50;
const mostDeadLetters = 500;

/** Waits until consumers have emptied the queues, or get nothing any more, and records what the queues still count. */
export async function untilEmpty(
  server: ServerUnderTest,
  recorder: Recorder,
  queues: readonly QueueTerms[],
): Promise<void> {
  let former = "";
  let changedAt = performance.now();
  for (;;) {
    const depths = await Promise.all(queues.map(({ name }) => depthOf(server, name)));
    const now = JSON.stringify([depths, recorder.deliveries.length]);
    if (now !== former) changedAt = performance.now();
    former = now;
    const isEmpty = depths.every((depth) => depth === 0);
    if (isEmpty || performance.now() - changedAt > calmMs) {
      for (const [index, { name }] of queues.entries())
        recorder.depths.push({ queue: name, messages: depths[index] ?? 0 });
      return;
    }
    await Bun.sleep(lookMs);
  }
}

/** Takes the dead letters out, and records where and why they died. */
export async function collectDeadLetters(
  server: ServerUnderTest,
  recorder: Recorder,
): Promise<void> {
  for (const queue of deadLetterQueues) {
    for (;;) {
      const answer = await askApi(server, "POST", `/v1/queues/${queue}/pull`, {
        max: mostDeadLetters,
      });
      const given: unknown = isRecord(answer) ? answer["deliveries"] : undefined;
      const letters: readonly unknown[] = Array.isArray(given) ? given : [];
      if (letters.length === 0) break;
      const receipts = letters.map((letter) => record(recorder, letter));
      await askApi(server, "POST", `/v1/queues/${queue}/ack`, { receipts });
    }
    recorder.depths.push({ queue, messages: await depthOf(server, queue) });
  }
}

/** Returns its receipt. */
function record(recorder: Recorder, letter: unknown): unknown {
  const { body, deaths, receipt } = isRecord(letter) ? letter : {};
  const death: unknown = Array.isArray(deaths) ? deaths[0] : undefined;
  const { queue, reason } = isRecord(death) ? death : {};
  recorder.deadLetters.push({ n: numberOf(body), queue: String(queue), reason: String(reason) });
  return receipt;
}

async function depthOf(server: ServerUnderTest, queue: string): Promise<number> {
  const answer = await askApi(server, "GET", `/v1/queues/${queue}`);
  const { ready, unsettled, delayed } = isRecord(answer) ? answer : {};
  return Number(ready) + Number(unsettled) + Number(delayed);
}
