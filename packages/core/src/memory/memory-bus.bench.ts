import { FakeClock, SeededRandom } from "@switchyard/testkit";
import { toJsonText } from "@switchyard/protocol";
import { channelName, nodeId } from "../ids.ts";
import type { PublishOptions } from "../ports/bus.ts";
import { createMemoryBus } from "./memory-bus.ts";

/** Publications per second through the memory bus with one subscriber that does nothing. Run: bun memory-bus.bench.ts */
async function measure(
  title: string,
  channels: number,
  options: Partial<PublishOptions>,
  keyed: boolean,
): Promise<void> {
  const count = 500_000;
  const data = toJsonText("x".repeat(118));
  let delivered = 0;
  const bus = createMemoryBus({
    clock: new FakeClock(),
    random: new SeededRandom(1),
    node: nodeId("bench"),
  });
  await bus.start({
    publication: () => void (delivered += 1),
    presence: () => undefined,
    request: async () => ({ type: "done", connections: 0, error: undefined }),
  });
  const rooms = Array.from({ length: channels }, (_, index) => channelName(`bench:${index}`));
  for (const room of rooms) await bus.channels.subscribe(room);
  const publication = { data, info: undefined, tags: undefined };
  const base: PublishOptions = {
    retention: undefined,
    idempotency: undefined,
    version: 0,
    versionEpoch: "",
    ...options,
  };
  const started = performance.now();
  for (let n = 0; n < count; n += 1) {
    const room = rooms[n % channels] ?? channelName("bench:0");
    const idempotency = keyed ? { key: `key ${n}`, windowMs: 300_000 } : undefined;
    await bus.channels.publish(room, publication, { ...base, idempotency });
  }
  const seconds = (performance.now() - started) / 1_000;
  await bus.stop();
  const rate = Math.round(count / seconds).toLocaleString("en");
  process.stdout.write(
    `${title.padEnd(48)} ${rate.padStart(12)} publications/s, ${delivered} delivered\n`,
  );
}

const retention = { size: 100, ttlMs: 60_000, metaTtlMs: 600_000 };
for (const _ of ["warm-up", "measured"]) {
  await measure("no retention, 1 channel", 1, {}, false);
  await measure("retention 100, 1 channel", 1, { retention }, false);
  await measure("retention 100, 10,000 channels", 10_000, { retention }, false);
  await measure("retention 100, 1 channel, idempotency keys", 1, { retention }, true);
}
