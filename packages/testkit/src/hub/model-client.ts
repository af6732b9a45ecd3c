import type { ServerMessage, TestClient } from "./test-client.ts";
import type { TestHub } from "./test-hub.ts";

interface Held {
  offset: number;
  epoch: string;
}

interface WireResult {
  readonly epoch?: string;
  readonly offset?: number;
  readonly recovered?: boolean;
  readonly was_recovering?: boolean;
  readonly publications?: readonly WirePublication[];
}

interface WirePublication {
  readonly data: { readonly n: number };
  readonly offset?: number;
}

/** What a client saw of a recoverable channel: runs of consecutive offsets, each begun by a position the server gave. */
export interface Run {
  readonly startedAt: number;
  readonly numbers: number[];
}

/**
 * The reference client: it keeps positions as an SDK does and throws at the first thing that must not happen, such as a
 * gap, a repetition, or a push of a channel it is not subscribed to.
 */
export class ModelClient {
  readonly name: string;
  readonly #user: string;
  #client: TestClient | undefined;
  #read = 0;
  #connected = false;
  readonly #asked = new Map<number, { readonly method: string; readonly channel: string }>();
  readonly #subscribed = new Set<string>();
  readonly #held = new Map<string, Held>();
  readonly runs = new Map<string, Run[]>();
  /** Publications without offset, each with the connection that it came on: another node may be behind. */
  readonly loose: string[] = [];
  /** Channels on which the server said that a position could not be recovered. */
  readonly toldOfGap: string[] = [];
  /** Left by the client without waiting for the reply: pushes are ignored, as SDKs do. */
  readonly #ignored = new Set<string>();

  constructor(name: string, user: string) {
    this.name = name;
    this.#user = user;
  }

  get connected(): boolean {
    return this.#connected;
  }

  get open(): boolean {
    return this.#client !== undefined;
  }

  get id(): string {
    return this.#client?.connection.id ?? "";
  }

  subscribed(channel: string): boolean {
    return this.#subscribed.has(channel);
  }

  waiting(channel: string): boolean {
    return [...this.#asked.values()].some((asked) => asked.channel === channel);
  }

  position(channel: string): Held | undefined {
    return this.#held.get(channel);
  }

  connect(hub: TestHub): void {
    this.#client = hub.open(this.#user);
    this.#read = 0;
    this.#asked.clear();
    this.#subscribed.clear();
    this.#ask("connect", "", { connect: {} });
  }

  cut(): void {
    this.#client?.vanish();
    this.#gone();
  }

  /** Takes nothing from now on: what is sent waits on the server. */
  stall(): void {
    this.#client?.link.stopReading();
  }

  readOn(): void {
    this.#client?.link.resumeReading();
    this.#client?.connection.drained();
  }

  subscribe(channel: string): void {
    const held = this.#held.get(channel);
    const position = held ? { recover: true, epoch: held.epoch, offset: held.offset } : {};
    this.#ask("subscribe", channel, { subscribe: { channel, ...position } });
  }

  unsubscribe(channel: string): void {
    this.#ask("unsubscribe", channel, { unsubscribe: { channel } });
  }

  /** Leaves and comes back in one frame, without waiting for anything. */
  resubscribe(channel: string): void {
    this.#subscribed.delete(channel);
    this.#ignored.add(channel);
    this.unsubscribe(channel);
    this.subscribe(channel);
  }

  /** Comes and leaves in one frame: the unsubscribe must not overtake the subscribe. */
  glance(channel: string): void {
    this.subscribe(channel);
    this.unsubscribe(channel);
  }

  publish(channel: string, n: number): void {
    this.#ask("publish", "", { publish: { channel, data: { n } } });
  }

  /** Looks at what has come since the last time. */
  read(): void {
    const client = this.#client;
    if (!client) return;
    const { messages } = client;
    for (; this.#read < messages.length && this.#client === client; this.#read += 1) {
      this.#take(client, messages[this.#read] ?? {});
    }
    if (client.closedWith !== undefined && this.#client === client) this.#gone();
  }

  #take(client: TestClient, message: ServerMessage): void {
    if (message.push) return this.#takePush(message.push);
    if (message.id === undefined) return client.sendRaw("{}");
    const asked = this.#asked.get(message.id);
    if (!asked) throw new Error(`${this.name}: a reply to nothing: ${JSON.stringify(message)}`);
    const earlier = [...this.#asked].find(
      ([, { channel }]) => channel !== "" && channel === asked.channel,
    );
    if (earlier && earlier[0] < message.id)
      throw new Error(`${this.name}: ${asked.method} ${asked.channel} overtook`);
    this.#asked.delete(message.id);
    if (message.error) {
      if (asked.method === "publish" && message.error.code === 100) return;
      throw new Error(
        `${this.name}: ${asked.method} ${asked.channel} was answered ${JSON.stringify(message.error)}`,
      );
    }
    if (asked.method === "connect") this.#connected = true;
    if (asked.method === "unsubscribe") this.#subscribed.delete(asked.channel);
    if (asked.method === "subscribe")
      this.#takeSubscribed(asked.channel, message["subscribe"] as WireResult);
  }

  #takeSubscribed(channel: string, result: WireResult): void {
    this.#subscribed.add(channel);
    this.#ignored.delete(channel);
    if (result.epoch === undefined) return;
    const held = this.#held.get(channel);
    if (result.recovered) {
      if (!held) throw new Error(`${this.name}: recovered without a position on ${channel}`);
      if ((result.offset ?? 0) !== held.offset)
        throw new Error(`${this.name}: the offset of a recovery is the client's own`);
      held.epoch = result.epoch;
      for (const publication of result.publications ?? []) this.#append(channel, held, publication);
      return;
    }
    if (held) this.toldOfGap.push(channel);
    const offset = result.offset ?? 0;
    this.#held.set(channel, { offset, epoch: result.epoch });
    this.#runsOf(channel).push({ startedAt: offset, numbers: [] });
  }

  #takePush(push: Readonly<Record<string, unknown>>): void {
    const channel = typeof push["channel"] === "string" ? push["channel"] : "";
    if (push["disconnect"]) return this.#gone();
    if (push["unsubscribe"]) return void this.#subscribed.delete(channel);
    const publication = push["pub"] as WirePublication | undefined;
    if (!publication) return;
    if (this.#ignored.has(channel)) return;
    // An unsubscribe that was asked for may be on its way: what comes before its reply is still in order.
    if (!this.#subscribed.has(channel))
      throw new Error(`${this.name}: a publication of ${channel} while not subscribed`);
    if (publication.offset === undefined)
      return void this.loose.push(`${this.id} ${publication.data.n}`);
    const held = this.#held.get(channel);
    if (!held) throw new Error(`${this.name}: a publication of ${channel} without a position`);
    this.#append(channel, held, publication);
  }

  #append(channel: string, held: Held, { offset, data }: WirePublication): void {
    if (offset !== held.offset + 1)
      throw new Error(`${this.name}: ${channel} came with offset ${offset} after ${held.offset}`);
    held.offset = offset;
    this.#runsOf(channel).at(-1)?.numbers.push(data.n);
  }

  #runsOf(channel: string): Run[] {
    const runs = this.runs.get(channel) ?? [];
    this.runs.set(channel, runs);
    return runs;
  }

  #ask(method: string, channel: string, command: Readonly<Record<string, unknown>>): void {
    const [id] = this.#client?.send(command) ?? [];
    if (id !== undefined) this.#asked.set(id, { method, channel });
  }

  #gone(): void {
    this.#client = undefined;
    this.#connected = false;
    this.#subscribed.clear();
    this.#ignored.clear();
    this.#asked.clear();
  }
}
