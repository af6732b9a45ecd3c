import type {
  Centrifuge,
  ClientInfo,
  PublicationContext,
  StreamPosition,
  Subscription,
} from "centrifuge";
import type { ChannelState } from "./channel-state.ts";

/** One publication as the list shows it. */
export interface ReceivedPublication {
  /** undefined on a channel without history. */
  readonly offset: number | undefined;
  readonly data: unknown;
  /** undefined when it was published through the server API. */
  readonly publisher: ClientInfo | undefined;
  /** Live ones have a time of arrival; the others were published before. */
  readonly how: "live" | "recovered" | "history";
}

export interface ChannelObserver {
  stateChanged(state: ChannelState): void;
  /** Where in the stream the page is; undefined on a channel without recovery. */
  positionChanged(position: StreamPosition | undefined): void;
  received(publication: ReceivedPublication): void;
  /** Newest first, from before the join. */
  loaded(publications: readonly ReceivedPublication[]): void;
  presenceChanged(clients: readonly ClientInfo[]): void;
  /** Presence cannot be had; why. */
  presenceDenied(reason: string): void;
}

const historyLimit = 50;

/** One channel of one SDK client: its state, its publications, who is there. */
export class ChannelSession {
  readonly channel: string;
  readonly #subscription: Subscription;
  readonly #centrifuge: Centrifuge;
  readonly #observer: ChannelObserver;
  #presenceRun = 0;
  #knownClients = 0;
  #epoch = "";
  #left = false;

  /** `since` continues a stream that another client of this page has read up to there. */
  constructor(
    centrifuge: Centrifuge,
    channel: string,
    since: StreamPosition | undefined,
    observer: ChannelObserver,
  ) {
    this.channel = channel;
    this.#centrifuge = centrifuge;
    this.#observer = observer;
    this.#subscription = centrifuge.newSubscription(channel, {
      recoverable: true,
      positioned: true,
      joinLeave: true,
      ...(since === undefined ? {} : { since }),
    });
    this.#listen();
    this.#subscription.subscribe();
  }

  publish(data: unknown): Promise<unknown> {
    return this.#subscription.publish(data);
  }

  /** Leaves for good. */
  leave(): void {
    this.#left = true;
    this.#subscription.unsubscribe();
    this.#subscription.removeAllListeners();
    this.#centrifuge.removeSubscription(this.#subscription);
  }

  /** Reads who is there. A later reading makes an earlier one void. */
  async refreshPresence(): Promise<void> {
    this.#presenceRun += 1;
    const run = this.#presenceRun;
    try {
      const { clients } = await this.#subscription.presence();
      if (run !== this.#presenceRun || this.#left) return;
      const infos = Object.values(clients);
      this.#knownClients = infos.length;
      this.#observer.presenceChanged(infos);
    } catch (error) {
      // Codes below 100 are the SDK's own: the connection went away, and with it the answer.
      if (run === this.#presenceRun && !this.#left && errorCode(error) >= 100)
        this.#observer.presenceDenied(errorMessage(error));
    }
  }

  /** Join and leave pushes may get lost; a count that differs from the list shows it. */
  async checkPresence(clients: number): Promise<void> {
    if (clients !== this.#knownClients) await this.refreshPresence();
  }

  #listen(): void {
    const { channel } = this;
    let recovered: number | undefined;
    this.#subscription.on("subscribing", () =>
      this.#observer.stateChanged({ kind: "joining", channel }),
    );
    this.#subscription.on("unsubscribed", ({ code, reason }) => {
      this.#observer.stateChanged(
        code === 0 ? { kind: "none" } : { kind: "denied", channel, code, reason },
      );
    });
    this.#subscription.on(
      "subscribed",
      ({ wasRecovering, recovered: isComplete, recoverable, streamPosition }) => {
        this.#epoch = streamPosition?.epoch ?? "";
        this.#observer.positionChanged(recoverable ? streamPosition : undefined);
        if (!wasRecovering) {
          this.#observer.stateChanged({
            kind: "joined",
            channel,
            recoverable,
            recovery: { kind: "none" },
          });
          void this.#loadHistory(streamPosition);
        } else if (isComplete) {
          // The SDK hands out what was recovered right after this event, in the same turn.
          recovered = 0;
          queueMicrotask(() => {
            const publications = recovered ?? 0;
            recovered = undefined;
            this.#observer.stateChanged({
              kind: "joined",
              channel,
              recoverable,
              recovery: { kind: "recovered", publications },
            });
          });
        } else {
          this.#observer.stateChanged({
            kind: "joined",
            channel,
            recoverable,
            recovery: { kind: "lost" },
          });
        }
        void this.refreshPresence();
      },
    );
    this.#subscription.on("publication", (publication) => {
      if (recovered !== undefined) recovered += 1;
      const { offset } = publication;
      if (offset !== undefined && this.#epoch !== "")
        this.#observer.positionChanged({ offset, epoch: this.#epoch });
      this.#observer.received(
        received(publication, recovered === undefined ? "live" : "recovered"),
      );
    });
    this.#subscription.on("join", () => void this.refreshPresence());
    this.#subscription.on("leave", () => void this.refreshPresence());
  }

  async #loadHistory(top: StreamPosition | undefined): Promise<void> {
    if (top === undefined || top.offset === 0) return;
    try {
      const { publications } = await this.#subscription.history({
        limit: historyLimit,
        reverse: true,
      });
      if (this.#left) return;
      // What came after the join is in the list already.
      const earlier = publications.filter(
        ({ offset }) => offset !== undefined && offset <= top.offset,
      );
      this.#observer.loaded(earlier.map((publication) => received(publication, "history")));
    } catch {
      // No history to show: the channel keeps none for clients, or the connection went away.
    }
  }
}

function received(
  { offset, data, info }: PublicationContext,
  how: ReceivedPublication["how"],
): ReceivedPublication {
  // The SDK types `data` as any.
  const content: unknown = data;
  return { offset, data: content, publisher: info, how };
}

/** The SDK rejects with plain objects `{ code, message }`. */
export function errorCode(error: unknown): number {
  return typeof error === "object" &&
    error !== null &&
    "code" in error &&
    typeof error.code === "number"
    ? error.code
    : 0;
}

export function errorMessage(error: unknown): string {
  const isObject = typeof error === "object" && error !== null;
  return isObject && "message" in error && typeof error.message === "string"
    ? error.message
    : String(error);
}
