import type { SeededRandom } from "@switchyard/testkit";
import type { Recorder } from "../recorder.ts";
import type { ServerUnderTest } from "../world/server-under-test.ts";

export interface ConsumerOptions {
  readonly name: string;
  readonly queue: string;
  readonly server: ServerUnderTest;
  readonly recorder: Recorder;
  readonly random: SeededRandom;
}

/** What a consumer does with a delivery. `keep`: acknowledges it later. `forget`: nothing, ever. */
export type Deed = "ack" | "nack" | "delay" | "reject" | "keep" | "forget";

export function drawDeed(random: SeededRandom): Deed {
  const draw = random.next();
  if (draw < 0.74) return "ack";
  if (draw < 0.8) return "nack";
  if (draw < 0.83) return "delay";
  if (draw < 0.86) return "reject";
  return draw < 0.97 ? "keep" : "forget";
}

export const settlementOf = {
  ack: "ack",
  keep: "ack",
  nack: "nack",
  delay: "nack",
  reject: "reject",
} as const;
