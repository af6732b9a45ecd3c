import type { PublicationPush } from "../channels/local-channel.ts";
import { recoveredBytes } from "../channels/recovery.ts";
import type { Subscription } from "./subscription.ts";

/** Publications of the first page, when nothing is known about their size. */
const firstPage = 8;
const largestPage = 256;

/**
 * Sends a client what it has missed of a channel beyond what its subscribe reply could bring, as ordinary pushes, until
 * it is level and follows the live topic.
 *
 * It goes on by one page of history at a time, each at its turn among the connection's recoveries and when the client
 * has taken most of what was sent before: so that no more than `pauseBytes` waits for the client, which leaves the rest
 * of its queue to what is live, and no more than a page is held. It ends early when the subscription does, and costs
 * the client its position (2500, or 3010) when history has forgotten what comes next: a publisher that stays faster than
 * the client ends there.
 */
export class CatchUp {
  readonly #subscription: Subscription;
  readonly #pauseBytes: number;
  /** About as many publications as fit. */
  #page = firstPage;
  /** It goes on when no more than this waits for the client. */
  #maxWaitingBytes: number;

  constructor(subscription: Subscription) {
    this.#subscription = subscription;
    this.#pauseBytes = subscription.connection.services.options.limits.pauseBytes;
    this.#maxWaitingBytes = this.#pauseBytes / 2;
  }

  /** Fulfils when the client is level or the subscription has ended. Never rejects. */
  async run(): Promise<void> {
    const { connection, terms } = this.#subscription;
    while (this.#subscription.behind) {
      try {
        await connection.recovering(() => this.#goOn(), this.#maxWaitingBytes);
      } catch (error) {
        connection.services.log.warn(
          { channel: terms.channel, client: connection.id, err: error },
          "could not read on in history for a client that is behind",
        );
        if (this.#subscription.behind) this.#subscription.losePosition();
      }
    }
  }

  async #goOn(): Promise<void> {
    const { connection, local } = this.#subscription;
    const { link } = connection;
    let count = 0;
    let bytes = 0;
    this.#maxWaitingBytes = this.#pauseBytes / 2;
    const take = (push: PublicationPush): boolean => {
      const weight = recoveredBytes([push.publication]);
      const waiting = link.bufferedBytes();
      // One that is heavier than all that may wait goes when nothing else does.
      if (waiting > 0 && waiting + weight > this.#pauseBytes) {
        const room = Math.max(0, this.#pauseBytes - weight);
        this.#maxWaitingBytes = Math.min(this.#maxWaitingBytes, room);
        return false;
      }
      connection.push(push);
      count += 1;
      bytes += weight;
      return !connection.closed;
    };
    await local.serve(this.#subscription, this.#page, take);
    const fitting = Math.ceil((this.#pauseBytes * count) / Math.max(1, bytes));
    this.#page = Math.min(Math.max(1, fitting), largestPage);
  }
}
