import { RawSocket } from "./raw-socket.ts";
import { until } from "./until.ts";

interface StreamRequest {
  readonly path: string;
  /** What stands between two frames of the body. */
  readonly separator: string;
  /** undefined: GET. */
  readonly body?: string;
  readonly headers?: string;
}

/** A client of a streaming response over a socket that the test controls. */
export class RawStream {
  readonly raw: RawSocket;
  readonly responseHead: string;
  readonly #separator: string;
  #chunked: Buffer = Buffer.alloc(0);
  #text = "";
  readonly #pieces: string[] = [];
  /** The body has ended as it should, not merely the connection. */
  complete = false;

  private constructor(raw: RawSocket, responseHead: string, separator: string) {
    this.raw = raw;
    this.responseHead = responseHead;
    this.#separator = separator;
  }

  static async open(
    port: number,
    { path, separator, body, headers = "" }: StreamRequest,
  ): Promise<RawStream> {
    const raw = await RawSocket.open(port);
    const length = body === undefined ? "" : `Content-Length: ${Buffer.byteLength(body)}\r\n`;
    raw.write(
      `${body === undefined ? "GET" : "POST"} ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${length}${headers}\r\n${body ?? ""}`,
    );
    return new RawStream(raw, await raw.takeUntil("\r\n\r\n"), separator);
  }

  /** The pieces of the body between separators, so far. */
  pieces(): readonly string[] {
    let rest: Buffer = Buffer.concat([this.#chunked, this.raw.take()]);
    const decoded: Buffer[] = [];
    for (;;) {
      const lineEnd = rest.indexOf("\r\n");
      if (lineEnd < 0) break;
      const line = rest.subarray(0, lineEnd).toString();
      if (!/^[0-9a-f]+$/i.test(line)) throw new Error(`not a chunk of the body: ${line}`);
      const size = Number.parseInt(line, 16);
      const end = lineEnd + 2 + size;
      if (rest.length < end + 2) break;
      if (size === 0) this.complete = true;
      decoded.push(rest.subarray(lineEnd + 2, end));
      rest = rest.subarray(end + 2);
    }
    this.#chunked = rest;
    if (decoded.length > 0) {
      // No test sends a character that is cut by a chunk.
      const parts = (this.#text + Buffer.concat(decoded).toString()).split(this.#separator);
      this.#text = parts.pop() ?? "";
      this.#pieces.push(...parts);
    }
    return this.#pieces;
  }

  /** What has come behind the last separator. */
  get unfinished(): string {
    this.pieces();
    return this.#text;
  }

  async atLeast(count: number): Promise<readonly string[]> {
    await until(() => this.pieces().length >= count || this.raw.ended);
    return this.pieces();
  }

  /** Fulfils at the end of the connection. */
  async end(): Promise<void> {
    await until(() => this.raw.ended);
  }
}
