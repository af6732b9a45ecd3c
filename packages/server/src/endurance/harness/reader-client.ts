import { answerCommands } from "./commands.ts";
import { RawClient } from "./raw-client.ts";
import { wallMs } from "./wall-clock.ts";

const atOnce = 100;
/** Of every ten that read, one measures: parsing all would cost more than reading. */
const measuredOf = 10;

const stamp = Buffer.from('"t":');
let latencies: number[] = [];
let delivered = 0;

interface Place {
  epoch: string;
  offset: number;
}

/** What the server said and sent on one recoverable channel; only in the parts that the script reads. */
interface SubscribeReply {
  readonly id: number;
  readonly error?: unknown;
  readonly subscribe?: {
    readonly epoch?: string;
    readonly offset?: number;
    readonly recovered?: boolean;
    readonly was_recovering?: boolean;
    readonly publications?: readonly { readonly offset?: number }[];
  };
}

interface Push {
  readonly push?: { readonly channel?: string; readonly pub?: { readonly offset?: number } };
}

/** A subscriber that stops reading. Follows its place on every channel, as an SDK does. */
class Staller {
  readonly places = new Map<string, Place>();
  readonly replies: SubscribeReply[] = [];
  /** Offsets that did not follow the one before. */
  gaps = 0;
  client: RawClient | undefined;

  async connect(host: string, user: string, channels: readonly string[]): Promise<void> {
    const subscribed = Promise.withResolvers<void>();
    this.replies.length = 0;
    const client = await RawClient.open({
      host,
      user,
      onText: (payload, self) => {
        for (const line of payload.toString().split("\n")) this.#take(line, self);
        if (this.replies.length === channels.length) subscribed.resolve();
      },
    });
    this.client = client;
    const commands = channels.map((channel, index) => {
      const place = this.places.get(channel);
      const since = place && { recover: true, ...place };
      return JSON.stringify({ id: index + 2, subscribe: { channel, recoverable: true, ...since } });
    });
    this.#channels = channels;
    client.send(['{"id":1,"connect":{}}', ...commands].join("\n"));
    await subscribed.promise;
  }

  #channels: readonly string[] = [];

  #take(line: string, client: RawClient): void {
    if (line === "{}") return client.send("{}");
    // Sent by the server under test; what else it may hold is not looked at.
    const message = JSON.parse(line) as SubscribeReply & Push;
    const { subscribe, push } = message;
    if (subscribe !== undefined || (message.id > 1 && message.error !== undefined)) {
      this.replies.push(message);
      const channel = this.#channels[message.id - 2] ?? "";
      if (subscribe === undefined) return;
      this.places.set(channel, { epoch: subscribe.epoch ?? "", offset: subscribe.offset ?? 0 });
      for (const { offset } of subscribe.publications ?? []) this.#advance(channel, offset ?? 0);
    }
    if (push?.pub?.offset !== undefined) this.#advance(push.channel ?? "", push.pub.offset);
  }

  #advance(channel: string, offset: number): void {
    const place = this.places.get(channel);
    if (place === undefined) return;
    if (offset !== place.offset + 1) this.gaps += 1;
    place.offset = offset;
  }
}

const stallers: Staller[] = [];
let healthy = 0;

const commands = {
  /** `readers` that always read `flood`, and `stalled` that follow several channels and will stop. */
  async open(order: {
    host: string;
    readers: number;
    stalled: number;
    flood: string;
    followed: readonly string[];
  }) {
    const { host, flood, followed } = order;
    const jobs = [
      ...Array.from({ length: order.readers }, (_, index) => () => openReader(host, flood, index)),
      ...Array.from({ length: order.stalled }, (_, index) => async () => {
        const staller = new Staller();
        stallers.push(staller);
        await staller.connect(host, `staller-${index}`, followed);
      }),
    ];
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        for (let job = jobs.pop(); job !== undefined; job = jobs.pop()) await job();
      }),
    );
    return healthy + stallers.length;
  },
  stall() {
    for (const { client } of stallers) client?.stopReading();
  },
  /** Latencies in ms and deliveries to those that read, since the last call. */
  measured() {
    const sorted = latencies.toSorted((a, b) => a - b);
    const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? 0;
    const result = { p50: at(0.5), p99: at(0.99), samples: sorted.length, delivered, healthy };
    latencies = [];
    delivered = 0;
    return result;
  },
  /** Those that stopped read on, find out that they were closed, and come back with the places that they had. */
  async comeBack({ host, followed }: { host: string; followed: readonly string[] }) {
    return Promise.all(
      stallers.map(async (staller, index) => {
        staller.client?.resumeReading();
        while (staller.client?.open === true) await Bun.sleep(10);
        const had = followed.map((channel) => staller.places.get(channel)?.offset ?? 0);
        await staller.connect(host, `staller-${index}`, followed);
        const replies = staller.replies.toSorted((a, b) => a.id - b.id);
        return {
          gaps: staller.gaps,
          channels: followed.map((channel, at) => {
            const {
              recovered = false,
              was_recovering: wasRecovering = false,
              publications = [],
            } = replies[at]?.subscribe ?? {};
            return {
              recovered,
              wasRecovering,
              had: had[at] ?? 0,
              brought: publications.length,
              offset: staller.places.get(channel)?.offset ?? 0,
            };
          }),
        };
      }),
    );
  },
};

async function openReader(host: string, flood: string, index: number): Promise<void> {
  const subscribed = Promise.withResolvers<void>();
  const measures = index % measuredOf === 0;
  const client = await RawClient.open({
    host,
    user: `reader-${index}`,
    onText(payload, self) {
      // `{"push":`, as nothing else begins.
      if (payload[2] === 0x70) {
        delivered += 1;
        if (measures) measure(payload);
      } else if (payload.length === 2) self.send("{}");
      else if (payload.includes('"subscribe"')) subscribed.resolve();
    },
    onClose: () => (healthy -= 1),
  });
  healthy += 1;
  client.send(`{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"${flood}"}}`);
  await subscribed.promise;
}

function measure(payload: Buffer): void {
  const at = payload.indexOf(stamp);
  if (at === -1) return;
  // 13 digits, a point and two digits.
  const due = Number(payload.toString("latin1", at + stamp.length, at + stamp.length + 16));
  latencies.push(wallMs() - due);
}

answerCommands(commands);
export type ReaderCommands = typeof commands;
