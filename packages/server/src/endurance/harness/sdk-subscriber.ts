import {
  Centrifuge,
  type PublicationContext,
  type SubscribedContext,
  type Subscription,
} from "centrifuge";

/** A stock SDK client on one channel, and all that it was told, in order. */
export class SdkSubscriber implements Disposable {
  readonly subscribed: SubscribedContext[] = [];
  readonly publications: PublicationContext[] = [];
  /** Codes of the server's goodbyes. */
  readonly goodbyes: number[] = [];
  readonly #client: Centrifuge;
  readonly subscription: Subscription;

  /** @param origin such as ws://127.0.0.1:8000 */
  constructor(origin: string, channel: string) {
    this.#client = new Centrifuge(`${origin}/connection/websocket`, {
      minReconnectDelay: 20,
      maxReconnectDelay: 200,
    });
    this.#client.on("connecting", ({ code }) => this.goodbyes.push(code));
    this.subscription = this.#client.newSubscription(channel, {
      recoverable: true,
      positioned: true,
      minResubscribeDelay: 20,
      maxResubscribeDelay: 200,
    });
    this.subscription.on("subscribed", (context) => this.subscribed.push(context));
    this.subscription.on("publication", (context) => this.publications.push(context));
    this.subscription.subscribe();
    this.#client.connect();
  }

  /** What was received, as published by `publishNumber`. */
  get numbers(): readonly number[] {
    // Published by the tests.
    return this.publications.map(({ data }) => (data as { readonly n: number }).n);
  }

  [Symbol.dispose](): void {
    this.#client.disconnect();
  }
}
