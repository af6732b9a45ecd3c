import { connect, type Socket } from "node:net";
import { until } from "./until.ts";

/** A TCP client that sends and reads exactly what the test says. */
export class RawSocket {
  readonly socket: Socket;
  ended = false;
  #unread: Buffer[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => this.#unread.push(chunk));
    // A reset is an end like another here; `close` follows.
    socket.on("error", () => {});
    socket.on("close", () => (this.ended = true));
    socket.on("end", () => (this.ended = true));
  }

  static async open(port: number): Promise<RawSocket> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const socket = connect({ port, host: "127.0.0.1", noDelay: true }, resolve);
    socket.once("error", reject);
    await promise;
    return new RawSocket(socket);
  }

  write(data: string | Uint8Array): void {
    this.socket.write(data);
  }

  /** Takes what has come. */
  take(): Buffer {
    const all = Buffer.concat(this.#unread);
    this.#unread = [];
    return all;
  }

  /** Takes up to and including `mark`; what follows stays. */
  async takeUntil(mark: string): Promise<string> {
    let found = -1;
    await until(() => {
      const all = this.take();
      this.#unread = [all];
      found = all.indexOf(mark);
      return found >= 0 || this.ended;
    });
    const all = this.take();
    if (found < 0)
      throw new Error(`the connection ended before ${JSON.stringify(mark)}: ${all.toString()}`);
    const end = found + mark.length;
    this.#unread = [all.subarray(end)];
    return all.subarray(0, end).toString();
  }

  stopReading(): void {
    this.socket.pause();
  }

  resumeReading(): void {
    this.socket.resume();
  }

  /** Resets the connection. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  destroy(): void {
    this.socket.destroy();
  }
}
