import type { Clock, FanOut, Frame } from "@switchyard/core";
import type { EdgeServer } from "../edge-options.ts";
import type { WebSocketLink } from "./link.ts";

const watchMs = 1_000;

/** Bun's native topics: one call a publication, whatever the number of subscribers. */
export class WebSocketFanOut implements FanOut {
  readonly #clock: Clock;
  readonly transport = "websocket";
  /** Bytes that a socket may have buffered. */
  readonly queueBytes: number;
  readonly #links = new Set<WebSocketLink>();
  #server: Pick<EdgeServer, "publish" | "subscriberCount"> | undefined;
  #seeking = false;
  #watching = false;

  constructor(queueBytes: number, clock: Clock) {
    this.queueBytes = queueBytes;
    this.#clock = clock;
  }

  /** Names the server whose sockets these are. Before, there are no links and `publish` reaches nobody. */
  attach(server: Pick<EdgeServer, "publish" | "subscriberCount">): void {
    this.#server = server;
  }

  publish(topic: string, frame: Frame): void {
    const native = nativeTopic(topic);
    const status = this.#server?.publish(native, frame);
    // 0: nobody has subscribed, or somebody's frame was dropped, which Bun answers by closing that socket.
    if (status === 0 && this.#server?.subscriberCount(native) !== 0) this.seekOverflowed();
  }

  add(link: WebSocketLink): void {
    this.#links.add(link);
    this.#watch();
  }

  remove(link: WebSocketLink): void {
    this.#links.delete(link);
  }

  /**
   * Ends the links above the bound. Bun closes them too, but says 1006 as for any lost connection; their buffers
   * tell the slow ones apart until the end of the turn, so that this runs before. At most once a microtask round:
   * rare, and about 1 ms for 10,000 links.
   */
  seekOverflowed(): void {
    if (this.#seeking) return;
    this.#seeking = true;
    queueMicrotask(() => {
      this.#seeking = false;
      for (const link of this.#links) link.endIfOverflowed();
    });
  }

  /**
   * Looks at every queue once a second while there are links. Frames of several topics that leave together can overflow
   * a queue within Bun, where nothing else could see it: then the last look tells. About 1 ms for 10,000 links.
   */
  #watch(): void {
    if (this.#watching) return;
    this.#watching = true;
    this.#clock.after(watchMs, () => {
      this.#watching = false;
      for (const link of this.#links) link.lookAtQueue();
      if (this.#links.size > 0) this.#watch();
    });
  }
}

/** Bun refuses the empty topic. */
export function nativeTopic(topic: string): string {
  return topic === "" ? "\0" : topic;
}
