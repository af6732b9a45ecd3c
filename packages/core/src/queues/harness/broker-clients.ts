import type { Consumer, Delivery, NewEvent, Settlement } from "../broker-operations.ts";
import { type BrokerWorld, fanned, mixed, queueNames } from "./broker-world.ts";
import type { Holder } from "./delivery-checker.ts";
import { eventTo } from "./test-broker.ts";

const consumed = queueNames;
const pullLeasesMs = [100, 500, 3_000];

interface Held {
  readonly queue: string;
  readonly n: number;
}

interface Reader {
  readonly name: string;
  readonly queue: string;
  readonly incarnation: number;
  readonly consumer: Consumer;
  readonly held: Map<number, Held>;
  hasRoom: boolean;
  /** Cancelled by itself: it is not told when what it has is lost with the transient table. */
  isLeaving: boolean;
}

interface Receipt extends Held {
  readonly receipt: string;
}

/** Publishers, consumers and pullers that do as they like. */
export class BrokerClients {
  readonly #world: BrokerWorld;
  #n = 0;
  #names = 0;
  #readers: Reader[] = [];
  #receipts: Receipt[] = [];

  constructor(world: BrokerWorld) {
    this.#world = world;
  }

  /** All connections have ended with the server. */
  forget(): void {
    this.#readers = [];
    this.#receipts = [];
  }

  publish(): void {
    const { random, clock } = this.#world;
    const events = Array.from({ length: 1 + random.int(random.pick([2, 12])) }, () => {
      this.#n += 1;
      const draw = random.int(100);
      if (draw < 25) return this.#event("fan", "", fanned);
      if (draw < 45) return this.#event("mix", "", mixed);
      if (draw < 49) return this.#event("", "nowhere", [], { mandatory: random.chance(0.5) });
      const queue = random.pick(["urgent", "mortal", "head", "transient", "swept", "one", "full"]);
      const delayMs = queue !== "head" && random.chance(0.25) ? 1 + random.int(2_000) : undefined;
      const ttlMs = queue === "mortal" && random.chance(0.3) ? 1 + random.int(1_500) : undefined;
      return this.#event("", queue, [queue], { delayMs, ttlMs });
    });
    const records = events.map(({ event, queues }) => {
      const { id, priority, delayMs = 0 } = event;
      return this.#world.checker.publishes({
        n: Number(event.body),
        queues,
        priority,
        id: id === undefined ? undefined : `${event.exchange}/${id}`,
        notBefore: delayMs > 0 ? clock.now() + delayMs : 0,
      });
    });
    this.#world.broker
      .publish(
        events.map(({ event }) => event),
        "publisher",
      )
      .then(
        (outcomes) => {
          for (const [index, record] of records.entries())
            this.#world.checker.answered(record, outcomes[index]);
        },
        () => {
          for (const record of records) this.#world.checker.answered(record, undefined);
        },
      );
  }

  consume(): void {
    const { broker, random, incarnation } = this.#world;
    const queue = random.pick(consumed);
    this.#names += 1;
    const held = new Map<number, Held>();
    const name = `consumer ${this.#names}`;
    let reader: Reader | undefined;
    try {
      const consumer = broker.consume(
        { queue, prefetch: 1 + random.int(12), connection: "connection" },
        {
          deliver: (deliveries) => {
            for (const delivery of deliveries)
              this.#take(delivery, held, { name, until: undefined }, incarnation);
          },
          hasRoom: () => reader?.hasRoom ?? true,
          cancelled: () => {
            for (const { n } of held.values()) this.#letGo(queue, n);
            held.clear();
            this.#readers = this.#readers.filter((one) => one !== reader);
          },
        },
      );
      reader = { name, queue, incarnation, consumer, held, hasRoom: true, isLeaving: false };
      this.#readers.push(reader);
    } catch {
      // Its queue has no home at the moment.
    }
  }

  settle(): void {
    const { random } = this.#world;
    const reader = this.#pick(this.#readers);
    if (!reader || reader.held.size === 0) return;
    const tags = random.shuffle([...reader.held.keys()]).slice(0, 1 + random.int(8));
    const taken = tags.flatMap((tag) => reader.held.get(tag) ?? []);
    for (const tag of tags) reader.held.delete(tag);
    const settlement = this.#settlement(reader.queue);
    const { committed, unknownTags } = reader.consumer.settle([...tags, 1_000_000], settlement);
    if (unknownTags.length > 1 && reader.isLeaving && reader.queue === "transient") {
      this.#readers = this.#readers.filter((one) => one !== reader);
      return void committed.catch(() => undefined);
    }
    if (unknownTags.length !== 1)
      this.#world.checker.problems.push(`tags ${unknownTags.join()} were unknown`);
    this.#settled(taken, settlement, committed);
  }

  pull(): void {
    const { broker, clock, random, incarnation } = this.#world;
    const leaseMs = random.pick(pullLeasesMs);
    const queue = random.pick(consumed.filter((name) => name !== "single"));
    const { signal } = new AbortController();
    // At the earliest: the lease begins with the answer.
    this.#names += 1;
    const name = `pull ${this.#names}`;
    const until = clock.now() + leaseMs;
    broker.pull(queue, { max: 1 + random.int(6), waitMs: random.int(200), leaseMs, signal }).then(
      (deliveries) => {
        for (const delivery of deliveries) {
          const n = Number(delivery.body);
          this.#world.delivered(delivery, { name, until }, incarnation);
          if (incarnation !== this.#world.incarnation) continue;
          this.#receipts.push({ queue, n, receipt: delivery.receipt });
        }
      },
      () => undefined,
    );
  }

  settleReceipts(): void {
    const { broker, random } = this.#world;
    const some = random.shuffle(this.#receipts).slice(0, 1 + random.int(5));
    this.#receipts = this.#receipts.filter((one) => !some.includes(one));
    for (const held of some) {
      const settlement = this.#settlement(held.queue);
      const { unsettled } = broker.queue(held.queue);
      const settling = broker.settleReceipts(held.queue, [held.receipt], settlement);
      // Whether the lease had lapsed is to be known at once: the message may be with another one by the answer.
      const isSettled = broker.queue(held.queue).unsettled < unsettled;
      const committed = settling.then(([outcome]) => {
        if ((outcome === "settled") !== isSettled)
          this.#world.checker.problems.push(`${held.receipt} is ${outcome}`);
      });
      if (isSettled) this.#settled([held], settlement, committed);
      else void committed.catch(() => undefined);
    }
  }

  /** A connection ends, or only its consumer. */
  leave(): void {
    const reader = this.#pick(this.#readers);
    if (!reader) return;
    if (this.#world.random.chance(0.3)) {
      reader.consumer.cancel();
      reader.isLeaving = true;
      return;
    }
    this.#readers = this.#readers.filter((one) => one !== reader);
    for (const { n } of reader.held.values()) this.#failed(reader.queue, n);
    reader.consumer.close();
  }

  toggle(): void {
    const reader = this.#pick(this.#readers);
    if (!reader) return;
    reader.hasRoom = !reader.hasRoom;
    if (reader.hasRoom) reader.consumer.resume();
  }

  purge(): void {
    this.#world.checker.lossy.add("swept");
    void this.#purge().catch(() => undefined);
  }

  async #purge(): Promise<void> {
    await this.#world.broker.purgeQueue("swept");
  }

  leaveAll(): void {
    while (this.#readers.length > 0) {
      const [reader] = this.#readers.splice(0, 1);
      for (const { n } of reader?.held.values() ?? []) this.#failed(reader?.queue ?? "", n);
      reader?.consumer.close();
    }
    this.#receipts = [];
  }

  /** Acknowledges all that is there. */
  consumeRest(): void {
    const { broker, incarnation } = this.#world;
    for (const queue of queueNames) {
      const name = `last of ${queue}`;
      const consumer = broker.consume(
        { queue, prefetch: 5_000, connection: "connection" },
        {
          deliver: (deliveries) => {
            for (const delivery of deliveries)
              this.#world.delivered(delivery, { name, until: undefined }, incarnation);
            const { committed } = consumer.settle(
              deliveries.map(({ tag }) => tag),
              { type: "ack" },
            );
            const taken = deliveries.map(({ body }) => ({ queue, n: Number(body) }));
            this.#settled(taken, { type: "ack" }, committed);
          },
          hasRoom: () => true,
          cancelled: () => undefined,
        },
      );
    }
  }

  #event(
    exchange: string,
    key: string,
    queues: readonly string[],
    more: Partial<NewEvent> = {},
  ): { readonly event: NewEvent; readonly queues: readonly string[] } {
    const { random, clock } = this.#world;
    const priority = key === "urgent" ? random.int(10) : 0;
    const minute = Math.floor(clock.now() / 60_000);
    const hasId = queues.length > 0 && key !== "transient" && key !== "swept" && key !== "head";
    const id = hasId && random.chance(0.2) ? `${minute}-${random.int(12)}` : undefined;
    return { event: eventTo(key, this.#n, { exchange, priority, id, ...more }), queues };
  }

  #take(delivery: Delivery, held: Map<number, Held>, holder: Holder, incarnation: number): void {
    const n = Number(delivery.body);
    held.set(delivery.tag, { queue: delivery.queue, n });
    this.#world.delivered(delivery, holder, incarnation);
  }

  #settlement(queue: string): Settlement {
    const { random } = this.#world;
    const draw = random.int(10);
    if (draw < 6) return { type: "ack" };
    if (draw < 8 && queue === "mortal") return { type: "reject" };
    const delayMs = random.pick([undefined, undefined, 100, 1_000]);
    return { type: "nack", requeue: true, delayMs };
  }

  #settled(taken: readonly Held[], settlement: Settlement, committed: Promise<void>): void {
    const { checker } = this.#world;
    for (const { queue, n } of taken) {
      if (settlement.type === "nack") this.#failed(queue, n);
      else this.#letGo(queue, n);
    }
    if (settlement.type === "nack") return void committed.catch(() => undefined);
    const gone = settlement.type === "ack" ? "acked" : "rejected";
    committed.then(
      () => {
        for (const { queue, n } of taken) checker.story(queue, n).gone = gone;
      },
      () => {
        for (const { queue, n } of taken) checker.story(queue, n).mayBeGone = true;
      },
    );
  }

  #failed(queue: string, n: number): void {
    const story = this.#world.checker.story(queue, n);
    if (story.holder) story.failures += 1;
    story.holder = undefined;
  }

  #letGo(queue: string, n: number): void {
    this.#world.checker.story(queue, n).holder = undefined;
  }

  #pick<Item>(items: readonly Item[]): Item | undefined {
    return items.length > 0 ? this.#world.random.pick(items) : undefined;
  }
}
