import { trustJsonText } from "@switchyard/protocol";
import {
  FakeClock,
  InMemoryBrokerDatabase,
  InMemoryTopologyStore,
  RecordingLog,
} from "@switchyard/testkit";
import type { QueueStore } from "../ports/queue-store.ts";
import type { Random } from "../ports/random.ts";
import { Broker } from "./broker.ts";
import type { Consumer, NewEvent } from "./broker-operations.ts";
import { eventTo, queueNamed } from "./harness/test-broker.ts";

/** Commits everything a turn later and keeps nothing: what is measured is the broker itself. */
function createEmptyStore(): QueueStore {
  let queues = 0;
  const commit = async (): Promise<void> => {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  };
  return {
    takeOver: async (node) => ({ incarnation: { node, epoch: 1 }, storeNow: 0, queues: [] }),
    takeHomes: async (_, names) =>
      names.map((name) => ({ id: (queues += 1), name, nextSeq: 1, deliveredBelow: 0, lanes: [] })),
    renew: async () => 0,
    flush: async () => {
      await commit();
      return { kind: "committed", duplicates: [], transientIntact: true };
    },
    load: async () => [],
    loadDelayed: async () => [],
    forgetIds: async () => undefined,
  };
}

/** Ids and jitter are not what is measured. */
const random: Random = { next: () => 0.5, uuid: () => "00000000-0000-4000-8000-000000000000" };

interface Load {
  readonly title: string;
  /** Events of one call of `publish`. */
  readonly together: number;
  /** Calls under way at once. */
  readonly inFlight: number;
  readonly queues: number;
  readonly hasIds: boolean;
}

/** Messages per second from publish over commit and delivery to the acknowledgement. Run: bun broker.bench.ts */
async function measure({ title, together, inFlight, queues, hasIds }: Load): Promise<void> {
  const count = 300_000;
  const clock = new FakeClock();
  const broker = new Broker({
    store: createEmptyStore(),
    topology: new InMemoryTopologyStore(new InMemoryBrokerDatabase(clock)),
    publishToChannel: () => Promise.resolve(),
    clock,
    random,
    log: new RecordingLog(),
    node: "bench",
  });
  await broker.start();
  await broker.declareExchange({ name: "fan", type: "fanout", alternateExchange: undefined });
  let acknowledged = 0;
  const finished = Promise.withResolvers<void>();
  for (let n = 0; n < queues; n += 1) {
    const name = `q${n}`;
    await broker.declareQueue(queueNamed(name));
    const destination = { type: "queue", name } as const;
    await broker.bind({
      ...{ exchange: "fan", key: "", match: undefined, durable: true, destination },
    });
    const consumer: Consumer = broker.consume(
      { queue: name, prefetch: 1_000, connection: "bench" },
      {
        deliver: (deliveries) => {
          acknowledged += deliveries.length;
          const tags = deliveries.map(({ tag }) => tag);
          queueMicrotask(() => void consumer.settle(tags, { type: "ack" }));
          if (acknowledged >= count) finished.resolve();
        },
        hasRoom: () => true,
        cancelled: () => undefined,
      },
    );
  }
  const body = trustJsonText(JSON.stringify("x".repeat(118)));
  let published = 0;
  const event = (): NewEvent => {
    published += 1;
    const id = hasIds ? `event ${published}` : undefined;
    return { ...eventTo("", 0, { exchange: "fan", id }), body };
  };
  const publisher = async (): Promise<void> => {
    for (let left = Math.ceil(count / queues / inFlight / together); left > 0; left -= 1)
      await broker.publish(Array.from({ length: together }, event), "publisher");
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: inFlight }, publisher));
  await finished.promise;
  const seconds = (performance.now() - started) / 1_000;
  const { flushes } = broker.counters();
  await broker.stop();
  const rate = Math.round(acknowledged / seconds).toLocaleString("en");
  const each = ((seconds * 1e6) / acknowledged).toFixed(2);
  process.stdout.write(
    `${title.padEnd(44)} ${rate.padStart(10)} messages/s, ${each} µs each, ${Math.round(acknowledged / flushes)} in a flush\n`,
  );
}

for (const _ of ["warm-up", "measured"]) {
  const base = { together: 1, inFlight: 1_000, queues: 1, hasIds: false };
  await measure({ ...base, title: "one by one, 1,000 in flight" });
  await measure({
    ...base,
    title: "100 in a call, 20 calls in flight",
    together: 100,
    inFlight: 20,
  });
  await measure({ ...base, title: "one by one, with ids", hasIds: true });
  await measure({ ...base, title: "one by one, to 3 queues", queues: 3 });
}
