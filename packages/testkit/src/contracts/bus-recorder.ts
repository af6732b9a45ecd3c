import type {
  BusEvents,
  ChannelName,
  NodeAnswer,
  NodeRequest,
  PresenceChange,
  Publication,
} from "@switchyard/core";

/** A real deadline for conditions that never come true, below the test runner's own so that this message is the one seen. */
const deadlineMs = 4_000;

export interface ReceivedPublication {
  readonly channel: ChannelName;
  readonly publication: Publication;
  readonly epoch: string;
}

/** What one node was told by its bus, in order. */
export class BusRecorder implements BusEvents {
  readonly publications: ReceivedPublication[] = [];
  readonly changes: { readonly channel: ChannelName; readonly change: PresenceChange }[] = [];
  readonly requests: NodeRequest[] = [];
  /** How this node answers; by default that it met one connection. */
  answer: (request: NodeRequest) => Promise<NodeAnswer> = () =>
    Promise.resolve({ type: "done", connections: 1, error: undefined });
  readonly #waiting = new Set<() => void>();

  publication(channel: ChannelName, publication: Publication, epoch: string): void {
    this.publications.push({ channel, publication, epoch });
    this.#changed();
  }

  presence(channel: ChannelName, change: PresenceChange): void {
    this.changes.push({ channel, change });
    this.#changed();
  }

  request(request: NodeRequest): Promise<NodeAnswer> {
    this.requests.push(request);
    this.#changed();
    return this.answer(request);
  }

  on(channel: ChannelName): readonly Publication[] {
    return this.publications.filter((one) => one.channel === channel).map((one) => one.publication);
  }

  offsets(channel: ChannelName): readonly number[] {
    return this.on(channel).map((publication) => publication.offset);
  }

  /** Payloads of a channel as text; bytes in hexadecimal. */
  data(channel: ChannelName): readonly string[] {
    return this.on(channel).map(({ data }) =>
      typeof data === "string" ? data : Buffer.from(data).toString("hex"),
    );
  }

  /** Fulfils as soon as `condition` holds; it is looked at after every event. */
  async until(condition: () => boolean): Promise<void> {
    if (condition()) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = (): void => {
      if (condition()) resolve();
    };
    this.#waiting.add(look);
    const timer = setTimeout(() => {
      const seen = this.publications.map(
        ({ channel, publication }) => `${channel}@${publication.offset}`,
      );
      reject(
        new Error(
          `never: ${condition.toString()}; publications: ${seen.slice(-20).join(" ")}; changes: ${this.changes.length}`,
        ),
      );
    }, deadlineMs);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(look);
    }
  }

  #changed(): void {
    for (const look of this.#waiting) look();
  }
}
