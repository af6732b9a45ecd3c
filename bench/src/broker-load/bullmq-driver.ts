import { Queue, Worker } from "bullmq";
import {
  type BrokerDriver,
  type DriverEvents,
  type OutgoingMessage,
  queueNames,
} from "./driver.ts";

/** Jobs of one `addBulk`. */
const BULK = 250;
/** Jobs that a worker has under way. */
const CONCURRENCY = 200;

interface Body {
  readonly t: string;
}

/** A job is confirmed with its `addBulk`, delivered when the processor gets it, acknowledged when it is completed. */
export async function openBullmqDriver(
  port: number,
  queues: number,
  events: DriverEvents,
): Promise<BrokerDriver> {
  const failed = (error: Error): void => events.failed(error.message);
  const opened: Queue<Body>[] = [];
  for (const name of queueNames(queues)) {
    const queue = new Queue<Body>(name, {
      connection: { host: "127.0.0.1", port },
      defaultJobOptions: { removeOnComplete: true },
    });
    queue.on("error", failed);
    const worker = new Worker<Body>(
      name,
      ({ data }) => {
        events.delivered(Number(data.t));
        return Promise.resolve();
      },
      { connection: { host: "127.0.0.1", port }, concurrency: CONCURRENCY },
    );
    worker.on("error", failed);
    worker.on("completed", () => events.acknowledged(1));
    await queue.waitUntilReady();
    await worker.waitUntilReady();
    opened.push(queue);
  }
  const add = async (messages: readonly OutgoingMessage[]): Promise<void> => {
    // A payload is an object with a stamp.
    const jobs = messages.map(({ body }) => ({ name: "k", data: JSON.parse(body) as Body }));
    try {
      await Promise.all(opened.map((queue) => queue.addBulk(jobs)));
      for (const { number } of messages) events.confirmed(number);
    } catch (error) {
      for (const { number } of messages) events.refused(number, String(error));
    }
  };
  return {
    publish: (messages) => {
      for (let from = 0; from < messages.length; from += BULK)
        void add(messages.slice(from, from + BULK));
    },
    left: async () => {
      let left = 0;
      for (const queue of opened) left += await queue.count();
      for (const queue of opened) left += await queue.getActiveCount();
      return left;
    },
  };
}
