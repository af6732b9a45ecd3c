import { answerCommands } from "./commands.ts";
import { RawClient } from "./raw-client.ts";

/** Each publishes one batch after the other, so that what comes from one has an order. */
const publishers = 4;
const batchEvents = 500;
const bodyBytes = 120;
const prefetch = 2_000;
/** Settled at a time: a connection has 1,000 commands a second. */
const ackedTags = 250;
/** Without a delivery for so long the server has forgotten its consumer. */
const silentMs = 20_000;

interface PublishOrder {
  readonly url: string;
  readonly apiKey: string;
  readonly queue: string;
  readonly count: number;
  /** 1 to 10: events take turns. */
  readonly priorities: number;
  /** Unix milliseconds. */
  readonly deliverAt?: number;
}

interface ConsumeOrder {
  readonly host: string;
  /** One that allows to consume. */
  readonly token: string;
  readonly queue: string;
  readonly count: number;
}

/** What one publisher's events of one priority looked like to the consumer. */
interface Line {
  readonly publisher: number;
  readonly priority: number;
  readonly first: number;
  last: number;
  count: number;
  /** Events that did not follow the one before. */
  breaks: number;
}

/** Milliseconds in which each tenth was done. */
class Tenths {
  readonly #count: number;
  readonly #ends: number[] = [];
  readonly #began = performance.now();

  constructor(count: number) {
    this.#count = count;
  }

  /** So many are done by now. */
  reached(done: number): void {
    while (this.#ends.length < 10 && done * 10 >= this.#count * (this.#ends.length + 1))
      this.#ends.push(performance.now() - this.#began);
  }

  get ms(): readonly number[] {
    return this.#ends.map((end, at) => end - (this.#ends[at - 1] ?? 0));
  }

  get passedMs(): number {
    return performance.now() - this.#began;
  }
}

const commands = {
  /** Publishes `count` events through the default exchange, several batches at a time; throws when one is refused. */
  async publish(order: PublishOrder) {
    const tenths = new Tenths(order.count);
    let done = 0;
    const share = order.count / publishers;
    await Promise.all(
      Array.from({ length: publishers }, async (_, publisher) => {
        for (let n = 0; n < share; n += batchEvents) {
          const size = Math.min(batchEvents, share - n);
          await publishBatch(order, { publisher, first: n, size });
          done += size;
          tenths.reached(done);
        }
      }),
    );
    return { ms: tenths.passedMs, tenths: tenths.ms };
  },
  /**
   * Consumes and acknowledges `count` messages; more than those go back. `ms` ends when all acknowledgements are committed. Throws when the
   * connection ends before.
   */
  async consume({ host, token, queue, count }: ConsumeOrder) {
    const lines = new Map<string, Line>();
    const done = Promise.withResolvers<void>();
    let taken = 0;
    let redelivered = 0;
    let risen = 0;
    let priority = 9;
    let firstMs = 0;
    let tags: number[] = [];
    let tenths = new Tenths(count);
    const take = (delivery: Delivery): void => {
      if (taken === 0) firstMs = tenths.passedMs;
      taken += 1;
      if (delivery.redelivered) redelivered += 1;
      const given = delivery.priority ?? 0;
      if (given > priority) risen += 1;
      priority = given;
      follow(lines, delivery.body, given);
    };
    const client = await RawClient.open({
      host,
      onText(payload, self) {
        for (const text of payload.toString().split("\n")) {
          if (text === "{}") self.send("{}");
          // Sent by the server under test; what else it may hold is not looked at.
          const { id, push, error } = JSON.parse(text) as Message;
          if (error !== undefined) done.reject(new Error(text));
          if (id === settledId) done.resolve();
          const delivery = push?.message?.data;
          if (delivery === undefined) continue;
          if (delivery.type !== "delivery") return done.reject(new Error(text));
          if (taken === count) continue;
          take(delivery);
          tags.push(delivery.tag);
          if (tags.length < ackedTags && taken < count) continue;
          const ack = JSON.stringify({ type: "ack", consumer: delivery.consumer, tags });
          tags = [];
          if (taken < count) self.send(`{"send":{"data":${ack}}}`);
          else self.send(`{"id":${settledId},"rpc":{"method":"queue.settle","data":${ack}}}`);
        }
        tenths.reached(taken);
      },
      onClose: ({ closeCode }) => done.reject(new Error(`closed with ${closeCode ?? "nothing"}`)),
    });
    tenths = new Tenths(count);
    const data = JSON.stringify({ queue, prefetch });
    client.send(
      `{"id":1,"connect":{"token":"${token}"}}\n{"id":2,"rpc":{"method":"queue.consume","data":${data}}}`,
    );
    let seen = -1;
    const watch = setInterval(() => {
      if (taken === seen) done.reject(new Error(`nothing came for a while after ${taken}`));
      seen = taken;
    }, silentMs);
    try {
      await done.promise;
    } finally {
      clearInterval(watch);
      client.reset();
    }
    const ms = tenths.passedMs;
    return {
      ms,
      firstMs,
      tenths: tenths.ms,
      taken,
      redelivered,
      /** Deliveries that were more urgent than the one before. */
      risen,
      lines: [...lines.values()],
    };
  },
};

const settledId = 3;

interface Delivery {
  readonly type: string;
  readonly consumer: string;
  readonly tag: number;
  readonly redelivered: boolean;
  readonly priority?: number;
  readonly body: Body;
}

interface Body {
  readonly publisher: number;
  readonly n: number;
}

interface Message {
  readonly id?: number;
  readonly error?: unknown;
  readonly push?: { readonly message?: { readonly data: Delivery } };
}

function follow(lines: Map<string, Line>, { publisher, n }: Body, priority: number): void {
  const name = `${publisher}/${priority}`;
  const line = lines.get(name);
  if (line === undefined) {
    lines.set(name, { publisher, priority, first: n, last: n, count: 1, breaks: 0 });
    return;
  }
  if (n <= line.last) line.breaks += 1;
  line.last = n;
  line.count += 1;
}

interface Batch {
  readonly publisher: number;
  readonly first: number;
  readonly size: number;
}

async function publishBatch(order: PublishOrder, { publisher, first, size }: Batch): Promise<void> {
  const { url, apiKey, queue, priorities, deliverAt } = order;
  const more = deliverAt === undefined ? "" : `,"deliver_at":${deliverAt}`;
  const events = Array.from({ length: size }, (_, at) => {
    const n = first + at;
    const head = `{"publisher":${publisher},"n":${n},"pad":"`;
    const body = `${head}${"x".repeat(bodyBytes - head.length - 2)}"}`;
    return `{"key":"${queue}","priority":${n % priorities},"body":${body}${more}}`;
  });
  const response = await fetch(`${url}/v1/exchanges/amq.default/publish`, {
    method: "POST",
    headers: { "X-API-Key": apiKey },
    body: `{"events":[${events.join(",")}]}`,
  });
  const answer = await response.text();
  if (!response.ok || answer.includes('"error"'))
    throw new Error(`${response.status}: ${answer.slice(0, 500)}`);
}

answerCommands(commands);
export type BacklogCommands = typeof commands;
