import { SeededRandom } from "@switchyard/testkit";
import { answerCommands } from "./commands.ts";
import { RawClient } from "./raw-client.ts";
import { opcodeFrame } from "./web-socket-bytes.ts";

interface ChurnOrder {
  readonly host: string;
  readonly seed: number;
  readonly seconds: number;
  /** Connections kept open at most. */
  readonly connections: number;
}

/** Channels exist by the hundreds and come and go; some keep history. */
const channelCount = 300;
const userCount = 200;
/** Ends the connection with 3501, 1009 or 1002. */
const wrongFrames = [
  (client: RawClient) => client.send("{"),
  (client: RawClient) => client.send('{"id":1,"connect":{}}'),
  (client: RawClient) => client.send("{}"),
  (client: RawClient) => client.send(`{"id":9,"rpc":{"method":"${"x".repeat(600_000)}"}}`),
  (client: RawClient) => client.write(opcodeFrame(3, "reserved")),
  (client: RawClient) => client.write(Buffer.from([0x81, 0xfe, 0xff])), // and no more
];

class Churner {
  readonly counts = { opened: 0, cut: 0, ended: 0, wrong: 0, commands: 0, received: 0 };
  readonly #open = new Set<RawClient>();
  readonly #random: SeededRandom;
  readonly #order: ChurnOrder;
  #lastId = 1;

  constructor(order: ChurnOrder) {
    this.#order = order;
    this.#random = new SeededRandom(order.seed);
  }

  async run(): Promise<void> {
    const until = performance.now() + this.#order.seconds * 1_000;
    while (performance.now() < until) {
      const jobs = Array.from({ length: 10 }, () => this.#step());
      await Promise.all(jobs);
      await Bun.sleep(4);
    }
    for (const client of this.#open) {
      if (this.#random.chance(0.5)) client.end();
      else client.reset();
    }
  }

  async #step(): Promise<void> {
    const { connections } = this.#order;
    const random = this.#random;
    if (this.#open.size < connections && random.chance(0.3)) return this.#connect();
    const all = [...this.#open];
    if (all.length === 0) return;
    const client = random.pick(all);
    const kind = random.next();
    if (kind < 0.05) {
      this.counts.cut += 1;
      client.reset();
    } else if (kind < 0.1) {
      this.counts.ended += 1;
      client.end();
    } else if (kind < 0.13) {
      this.counts.wrong += 1;
      random.pick(wrongFrames)(client);
    } else {
      this.#command(client, kind);
    }
  }

  #command(client: RawClient, kind: number): void {
    const random = this.#random;
    const namespace = random.chance(0.6) ? "room" : "plain";
    const channel = `${namespace}:${random.int(channelCount)}`;
    this.counts.commands += 1;
    this.#lastId += 1;
    const id = this.#lastId;
    if (kind < 0.45) {
      const wish = random.chance(0.5)
        ? { recoverable: true, recover: true, offset: 0, epoch: "" }
        : {};
      client.send(
        JSON.stringify({ id, subscribe: { channel, join_leave: random.chance(0.2), ...wish } }),
      );
    } else if (kind < 0.6) {
      client.send(JSON.stringify({ id, unsubscribe: { channel } }));
    } else if (kind < 0.85) {
      client.send(
        JSON.stringify({ id, publish: { channel, data: { pad: "x".repeat(random.int(300)) } } }),
      );
    } else if (kind < 0.95) {
      client.send(JSON.stringify({ id, presence: { channel } }));
    } else {
      client.send(JSON.stringify({ id, history: { channel, limit: 5 } }));
    }
  }

  async #connect(): Promise<void> {
    const user = `user-${this.#random.int(userCount)}`;
    const isHasty = this.#random.chance(0.1);
    this.counts.opened += 1;
    try {
      const client = await RawClient.open({
        host: this.#order.host,
        user,
        onText: (payload, self) => {
          this.counts.received += 1;
          if (payload.length === 2) self.send("{}");
        },
        onClose: (self) => {
          this.#open.delete(self);
        },
      });
      // Some vanish before they have said anything.
      if (isHasty) return client.reset();
      this.#open.add(client);
      client.send('{"id":1,"connect":{}}');
    } catch {
      // closed before the upgrade was answered
    }
  }
}

const commands = {
  async churn(order: ChurnOrder) {
    const churner = new Churner(order);
    await churner.run();
    return churner.counts;
  },
};

answerCommands(commands);
export type ChurnCommands = typeof commands;
