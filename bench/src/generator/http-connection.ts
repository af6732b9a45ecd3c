import type { Socket } from "bun";
import { SocketWriter } from "./socket-writer.ts";

/** One keep-alive connection, as little HTTP/1.1 as a server with Content-Length needs. */
export class HttpConnection {
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
