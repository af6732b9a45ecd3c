import { describe, expect, test } from "bun:test";
import { PAYLOAD_BYTES } from "../generator/payload.ts";
import { BrokerLoad, MOST_UNCONFIRMED } from "./broker-load.ts";
import type { OpenBrokerCommand } from "./commands.ts";
import { type BrokerDriver, type DriverEvents, type OutgoingMessage, stampIn } from "./driver.ts";

const command: OpenBrokerCommand = {
  kind: "open",
  port: 0,
  dialect: { kind: "bullmq" },
  queues: 2,
  serverPid: process.pid,
  storePid: undefined,
};

/** A broker in this process: `take` says what becomes of what is published. */
function opened(
  take: (message: OutgoingMessage, events: DriverEvents) => void,
  left = 0,
): Promise<BrokerLoad> {
  return BrokerLoad.open(command, (_command, events): Promise<BrokerDriver> =>
    Promise.resolve({
      publish: (messages) => {
        for (const message of messages) setImmediate(() => take(message, events));
      },
      left: () => Promise.resolve(left),
    }),
  );
}

function takeWell({ number, body }: OutgoingMessage, events: DriverEvents): void {
  events.confirmed(number);
  for (let queue = 0; queue < command.queues; queue += 1) {
    events.delivered(stampIn(body, 0));
    events.acknowledged(1);
  }
}

describe("a load", () => {
  test("counts and times every message once per queue, in each measurement anew", async () => {
    const bytes = new Set<number>();
    const load = await opened((message, events) => {
      bytes.add(message.body.length);
      takeWell(message, events);
    });
    await load.offer({ kind: "offer", rate: 1_000, seconds: 0.05 });
    const measured = await load.offer({ kind: "offer", rate: 2_000, seconds: 0.1 });
    expect(measured).toMatchObject({
      due: 200,
      published: 200,
      confirmed: 200,
      delivered: 400,
      acknowledged: 400,
      inTimeShare: 1,
      left: 0,
      refused: 0,
      firstError: undefined,
    });
    expect([...bytes]).toEqual([PAYLOAD_BYTES]);
    expect(measured.confirmMs.p50).toBeGreaterThan(0);
    expect(measured.deliveryMs.max).toBeLessThan(1_000);
  });

  test("holds back what a broker that confirms nothing cannot take, and says what was due", async () => {
    let published = 0;
    const load = await opened(() => {
      published += 1;
    });
    const measured = await load.offer({ kind: "offer", rate: 200_000, seconds: 0.1 });
    expect(published).toBe(MOST_UNCONFIRMED);
    expect(measured).toMatchObject({ due: 20_000, published, confirmed: 0, inTimeShare: 0 });
  });

  test("tells of what was refused and of what came again", async () => {
    const load = await opened((message, events) => {
      if (message.number % 2 === 0) events.refused(message.number, "full");
      else {
        takeWell(message, events);
        events.redelivered(1);
      }
    }, 3);
    const measured = await load.offer({ kind: "offer", rate: 2_000, seconds: 0.05 });
    expect(measured).toMatchObject({
      published: 100,
      confirmed: 50,
      refused: 50,
      redelivered: 50,
      acknowledged: 100,
      left: 3,
      inTimeShare: 0.5,
      firstError: "full",
    });
  });
});
