import type { FanOut, Frame } from "@switchyard/core";
import type { EdgeServer } from "../edge-options.ts";
import type { WebSocketLink } from "./link.ts";

/** Bun's native topics: one call a publication, whatever the number of subscribers. */
export class WebSocketFanOut implements FanOut {
  readonly transport = "websocket";
  /** Bytes that a socket may have buffered. */
  readonly queueBytes: number;
  readonly #links = new Set<WebSocketLink>();
  #server: Pick<EdgeServer, "publish" | "subscriberCount"> | undefined;
  #seeking = false;

  constructor(queueBytes: number) {
    this.queueBytes = queueBytes;
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
}

/** Bun refuses the empty topic. */
export function nativeTopic(topic: string): string {
  return topic === "" ? "\0" : topic;
}
