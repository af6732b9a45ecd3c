import { ClientConnection, UnansweredError } from "./client-connection.ts";
import { answerTimeoutMs } from "./http-api.ts";
import { EventSource, type Outgoing, publishData, type PublisherOptions } from "./publisher.ts";

/** Unanswered publishes on one connection. */
const window = 30;

/** Publishes over a WebSocket, many at a time. After an unknown outcome it goes on on another connection. */
export class SocketPublisher {
  readonly #options: PublisherOptions;
  readonly #source: EventSource;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#source = new EventSource(options);
  }

  /** Until `signal`, and then until every event with a given id is confirmed or `giveUp`. */
  async run(signal: AbortSignal, giveUp: AbortSignal): Promise<void> {
    const { server, name } = this.#options;
    while (!giveUp.aborted && (!signal.aborted || this.#source.hasRepetitions)) {
      let connection: ClientConnection;
      try {
        connection = await ClientConnection.open({ url: server.url, token: server.token(name) });
      } catch {
        await Bun.sleep(50);
        continue;
      }
      await this.#publishOn(connection, signal);
      connection.vanish();
      this.#source.newSession();
    }
  }

  async #publishOn(connection: ClientConnection, signal: AbortSignal): Promise<void> {
    const { random, rate } = this.#options;
    const underWay = new Set<Promise<void>>();
    while (connection.isOpen && (!signal.aborted || this.#source.hasRepetitions)) {
      if (underWay.size >= window) {
        await Promise.race(underWay);
        continue;
      }
      const burst = 1 + random.int(8);
      for (let index = 0; index < burst && underWay.size < window; index += 1) {
        if (signal.aborted && !this.#source.hasRepetitions) break;
        const done = this.#publish(
          connection,
          this.#source.next(random.chance(0.5) || signal.aborted),
        );
        underWay.add(done);
        void forgetWhenDone(underWay, done);
      }
      await Bun.sleep((1_000 * burst) / rate);
    }
    await Promise.all(underWay);
  }

  async #publish(connection: ClientConnection, outgoing: Outgoing): Promise<void> {
    const timer = setTimeout(() => connection.vanish(), answerTimeoutMs);
    try {
      const answer = await connection.rpc("exchange.publish", publishData(outgoing));
      this.#options.recorder.confirm(outgoing.publish, answer);
    } catch (error) {
      this.#source.unanswered(outgoing);
      // A refusal is soon followed by others: what is sent to a server without a database is only noise.
      if (!(error instanceof UnansweredError)) connection.vanish();
    } finally {
      clearTimeout(timer);
    }
  }
}

async function forgetWhenDone(underWay: Set<Promise<void>>, done: Promise<void>): Promise<void> {
  await done;
  underWay.delete(done);
}
