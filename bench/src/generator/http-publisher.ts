import type { HttpPublishing } from "./dialect.ts";
import { HttpConnection } from "./http-connection.ts";
import type { DuePublication, Publisher } from "./publisher.ts";
import type { Tally } from "./client-socket.ts";

/** Keep-alive connections. Each has one request under way, as HTTP clients do. */
const CONNECTIONS = 16;
/** Publications of one batch request. */
const LARGEST_BATCH = 128;

/**
 * Publishes through the HTTP API: a single publication as `publish`, several due in the same tick as one `batch`. When every
 * connection waits for an answer, publications queue here, and their latency runs on from their intended time.
 */
export class HttpPublisher implements Publisher {
  readonly #http: HttpPublishing;
  readonly #tally: Tally;
  readonly #idle: HttpConnection[] = [];
  readonly #all: HttpConnection[] = [];
  readonly #waiting: string[] = [];
  #sent = 0;
  errors = 0;

  private constructor(http: HttpPublishing, tally: Tally) {
    this.#http = http;
    this.#tally = tally;
  }

  static async open(port: number, http: HttpPublishing, tally: Tally): Promise<HttpPublisher> {
    const publisher = new HttpPublisher(http, tally);
    for (let index = 0; index < CONNECTIONS; index += 1) {
      const connection = new HttpConnection((status, body) =>
        publisher.#answered(connection, status, body),
      );
      await connection.open(port);
      publisher.#all.push(connection);
      publisher.#idle.push(connection);
    }
    return publisher;
  }

  publish(due: readonly DuePublication[]): void {
    for (const { topic, payload } of due)
      this.#waiting.push(this.#http.encodeRequest(topic, payload));
    this.#send();
  }

  close(): void {
    for (const connection of this.#all) connection.end();
  }

  #send(): void {
    while (this.#sent < this.#waiting.length) {
      const connection = this.#idle.pop();
      if (connection === undefined) return;
      const requests = this.#waiting.slice(this.#sent, this.#sent + LARGEST_BATCH);
      this.#sent += requests.length;
      const [first] = requests;
      if (requests.length === 1 && first !== undefined)
        connection.post(this.#http.publishPath, this.#http.headers, first);
      else
        connection.post(this.#http.batchPath, this.#http.headers, this.#http.encodeBatch(requests));
    }
    this.#waiting.length = 0;
    this.#sent = 0;
  }

  #answered(connection: HttpConnection, status: number, body: string): void {
    if (status !== 200 || body.includes('"error"')) {
      this.errors += Math.max(1, body.split('"error"').length - 1);
      this.#tally.firstError ??= `HTTP ${status} ${body.slice(0, 200)}`;
    }
    if (status === 0) return;
    this.#idle.push(connection);
    this.#send();
  }
}
