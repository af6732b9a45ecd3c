import type { Dialect } from "./dialect.ts";
import { HttpPublisher } from "./http-publisher.ts";
import { openSockets } from "./open-sockets.ts";
import { ClientSocket, type Tally } from "./client-socket.ts";
import type { DuePublication, Publisher } from "./publisher.ts";

/** One WebSocket whose messages the server broadcasts; the messages of a tick leave in one write. */
class SocketPublisher implements Publisher {
  readonly #socket: ClientSocket;
  readonly #dialect: Dialect;
  readonly errors = 0;

  constructor(socket: ClientSocket, dialect: Dialect) {
    this.#socket = socket;
    this.#dialect = dialect;
  }

  publish(due: readonly DuePublication[]): void {
    this.#socket.write(
      Buffer.concat(
        due.map(({ topic, payload }) => this.#dialect.encodePublication(topic, payload)),
      ),
    );
  }

  close(): void {
    this.#socket.end();
  }
}

export async function openPublisher(
  port: number,
  dialect: Dialect,
  tally: Tally,
): Promise<Publisher> {
  if (dialect.http !== undefined) return HttpPublisher.open(port, dialect.http, tally);
  const sockets = await openSockets(
    port,
    1,
    (_index, settled) =>
      new ClientSocket({
        topic: -1,
        dialect,
        tally,
        path: dialect.publisherPath(),
        hello: dialect.publisherHello(),
        sampled: false,
        settled,
      }),
  );
  const socket = sockets[0];
  if (socket === undefined) throw new Error("no publisher socket");
  return new SocketPublisher(socket, dialect);
}
