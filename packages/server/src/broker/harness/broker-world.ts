import type { Capability, CapabilityVerb, QueueDefinition } from "@switchyard/core";
import { FakeClock, SeededRandom, type TestClient, TestHub } from "@switchyard/testkit";
import { addBrokerMethods } from "../broker-methods.ts";
import type { BrokerConnections } from "../broker-connections.ts";
import { ScriptedBroker } from "./scripted-broker.ts";

const everyVerb: readonly CapabilityVerb[] = [
  "publish",
  "declare",
  "delete",
  "bind",
  "consume",
  "purge",
];

/** Of every object of each kind. */
const everything: readonly Capability[] = (["channels", "exchanges", "queues"] as const).map(
  (kind) => ({ kind, patterns: ["*"], match: "wildcard", verbs: new Set(everyVerb) }),
);

/** `verbs`, with spaces between them, on the objects named. */
export function allow(
  kind: Capability["kind"],
  patterns: readonly string[],
  verbs: string,
): Capability {
  const wanted = verbs.split(" ");
  const known = everyVerb.filter((verb) => wanted.includes(verb));
  return { kind, patterns, match: "wildcard", verbs: new Set(known) };
}

/** A hub that offers a scripted broker over the client protocol. */
export class BrokerWorld implements AsyncDisposable {
  readonly broker = new ScriptedBroker();
  readonly clock = new FakeClock();
  readonly hub: TestHub;
  readonly connections: BrokerConnections;
  #tokens = 0;

  private constructor() {
    const random = new SeededRandom(1);
    this.hub = new TestHub({ clock: this.clock, random });
    this.connections = addBrokerMethods(this.hub.hub.methods, {
      broker: this.broker,
      clock: this.clock,
      random,
      log: this.hub.log,
    });
  }

  /** With a queue for each of `queues`. */
  static async start(...queues: readonly string[]): Promise<BrokerWorld> {
    const world = new BrokerWorld();
    for (const name of queues) world.broker.declaredQueues.set(name, plainQueue(name));
    await world.hub.start();
    return world;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hub.stop();
  }

  token(user: string, capabilities: readonly Capability[]): string {
    this.#tokens += 1;
    return this.hub.authenticator.issueConnection(`t-${this.#tokens}`, { user, capabilities });
  }

  async connect(
    capabilities: readonly Capability[] = everything,
    user = "ann",
  ): Promise<BrokerClient> {
    const client = this.hub.open();
    await client.ask({ connect: { token: this.token(user, capabilities) } });
    return new BrokerClient(client);
  }
}

/** A client that calls methods. */
export class BrokerClient {
  readonly raw: TestClient;

  constructor(raw: TestClient) {
    this.raw = raw;
  }

  /** The data of the answer, or `"<code> <message>"`. */
  async call(method: string, data: unknown): Promise<unknown> {
    const { error, rpc } = await this.raw.ask({ rpc: { method, data } });
    // The protocol's rpc result.
    return error ? `${error.code} ${error.message}` : (rpc as { readonly data: unknown }).data;
  }

  /** As `call`, with data that is spelt as it is. Returns the reply's frame. */
  async callRaw(method: string, data: string): Promise<string> {
    const id = 1_000 + this.raw.messages.length;
    this.raw.sendRaw(`{"id":${id},"rpc":{"method":"${method}","data":${data}}}`);
    for (;;) {
      const frame = this.raw.link.texts.find((text) => text.startsWith(`{"id":${id},`));
      if (frame !== undefined) return frame;
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
  }

  send(data: unknown): void {
    this.raw.sendRaw(JSON.stringify({ send: { data } }));
  }

  /** `data` of the `message` pushes so far. */
  get told(): readonly Readonly<Record<string, unknown>>[] {
    return this.raw.pushes.flatMap((push) => {
      const { message } = push as {
        readonly message?: { readonly data: Readonly<Record<string, unknown>> };
      };
      return message ? [message.data] : [];
    });
  }
}

export function plainQueue(name: string, exclusiveTo?: string): QueueDefinition {
  return {
    name,
    durable: true,
    exclusiveTo,
    autoDelete: false,
    expiresMs: undefined,
    ttlMs: undefined,
    maxLength: undefined,
    maxBytes: undefined,
    overflow: "drop-head",
    deadLetterExchange: undefined,
    deadLetterKey: undefined,
    maxAttempts: undefined,
    retry: undefined,
    singleActiveConsumer: false,
  };
}
