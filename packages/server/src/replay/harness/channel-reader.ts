import { Centrifuge } from "centrifuge";

export interface Resubscription {
  readonly channel: string;
  readonly recovered: boolean;
}

/** A stock SDK client that reads some channels and writes down what it gets, in order. */
export class ChannelReader implements Disposable {
  readonly #client: Centrifuge;
  /** Data per channel. */
  readonly received = new Map<string, unknown[]>();
  readonly resubscriptions: Resubscription[] = [];
  /** Channels whose missed publications were still to come when they were subscribed again. */
  recoveredSomething = 0;
  onPublication: (count: number) => void = () => {};
  #count = 0;

  private constructor(host: string) {
    this.#client = new Centrifuge(`ws://${host}/connection/websocket`, {
      minReconnectDelay: 10,
      maxReconnectDelay: 50,
    });
  }

  /** Fulfils when all channels are subscribed. */
  static async open(host: string, channels: readonly string[]): Promise<ChannelReader> {
    const reader = new ChannelReader(host);
    reader.#client.connect();
    await Promise.all(channels.map((channel) => reader.#subscribe(channel)));
    return reader;
  }

  get count(): number {
    return this.#count;
  }

  async #subscribe(channel: string): Promise<void> {
    const data: unknown[] = [];
    this.received.set(channel, data);
    const subscription = this.#client.newSubscription(channel);
    let first = true;
    subscription.on("subscribed", ({ recovered, hasRecoveredPublications }) => {
      if (!first) this.resubscriptions.push({ channel, recovered });
      if (!first && hasRecoveredPublications) this.recoveredSomething += 1;
      first = false;
    });
    subscription.on("publication", (publication) => {
      data.push(publication.data);
      this.#count += 1;
      this.onPublication(this.#count);
    });
    subscription.subscribe();
    await subscription.ready(20_000);
  }

  [Symbol.dispose](): void {
    this.#client.disconnect();
  }
}
