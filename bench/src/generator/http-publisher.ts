import type { Socket } from "bun";
import type { HttpPublishing } from "./dialect.ts";
import type { DuePublication, Publisher } from "./publisher.ts";
import { SocketWriter } from "./socket-writer.ts";
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

/** One keep-alive connection, as little HTTP/1.1 as a server with Content-Length needs. */
class HttpConnection {
  readonly #answered: (status: number, body: string) => void;
  readonly #writer = new SocketWriter();
  #socket: Socket | undefined;
  #head = "";
  #received = "";
  #ending = false;

  /** @param answered Called with each answer, or with status 0 and the reason when the connection is lost. */
  constructor(answered: (status: number, body: string) => void) {
    this.#answered = answered;
  }

  async open(port: number): Promise<void> {
    this.#head = `HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n`;
    this.#socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      data: undefined,
      socket: {
        data: (_socket, chunk) => this.#read(chunk),
        drain: (socket) => this.#writer.flush(socket),
        close: () => {
          if (!this.#ending) this.#answered(0, "publisher's connection lost");
        },
      },
    });
  }

  /** Headers and bodies of this generator are ASCII, so that characters are bytes. */
  post(path: string, headers: Readonly<Record<string, string>>, body: string): void {
    if (this.#socket === undefined) throw new Error("connection not open");
    let head = `POST ${path} ${this.#head}Content-Length: ${body.length}\r\n`;
    for (const [name, value] of Object.entries(headers)) head += `${name}: ${value}\r\n`;
    this.#writer.write(this.#socket, Buffer.from(`${head}\r\n${body}`, "latin1"));
  }

  end(): void {
    this.#ending = true;
    this.#socket?.end();
  }

  #read(chunk: Uint8Array): void {
    this.#received += Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString(
      "latin1",
    );
    const headEnd = this.#received.indexOf("\r\n\r\n");
    if (headEnd < 0) return;
    const head = this.#received.slice(0, headEnd);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length === undefined) throw new Error(`answer without Content-Length: ${head}`);
    const end = headEnd + 4 + Number(length);
    if (this.#received.length < end) return;
    const body = this.#received.slice(headEnd + 4, end);
    this.#received = this.#received.slice(end);
    this.#answered(Number(head.slice(9, 12)), body);
  }
}
