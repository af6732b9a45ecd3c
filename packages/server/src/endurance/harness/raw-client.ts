import type { Socket } from "bun";
import { ServerBytes, textFrame, upgradeRequest } from "./web-socket-bytes.ts";

const textOpcode = 1;
const closeOpcode = 8;

interface RawClientOptions {
  readonly host: string;
  readonly user?: string | undefined;
  /** A text frame; the view is valid during the call. Answering pings is up to it. */
  onText(payload: Buffer, client: RawClient): void;
  onClose?(client: RawClient): void;
}

/** A client of the protocol on bare TCP, a few hundred bytes each, so that a process can hold ten thousand. */
export class RawClient {
  readonly #options: RawClientOptions;
  readonly #bytes = new ServerBytes();
  #socket: Socket<RawClient> | undefined;
  #unsent: Buffer | undefined;
  #upgraded: PromiseWithResolvers<void> | undefined = Promise.withResolvers<void>();
  /** Of the close frame; undefined when none came. */
  closeCode: number | undefined;

  private constructor(options: RawClientOptions) {
    this.#options = options;
  }

  /** Connects and upgrades. */
  static async open(options: RawClientOptions): Promise<RawClient> {
    const client = new RawClient(options);
    const [hostname = "", port] = options.host.split(":");
    await Bun.connect<RawClient>({ hostname, port: Number(port), data: client, socket: handlers });
    await client.#upgraded?.promise;
    return client;
  }

  get open(): boolean {
    return this.#socket !== undefined;
  }

  send(text: string): void {
    this.write(textFrame(text));
  }

  write(bytes: Buffer): void {
    if (this.#unsent !== undefined) {
      this.#unsent = Buffer.concat([this.#unsent, bytes]);
      return;
    }
    const written = Math.max(0, this.#socket?.write(bytes) ?? bytes.length);
    if (written < bytes.length) this.#unsent = bytes.subarray(written);
  }

  /** From now on the kernel's buffers fill up, and then the server's. */
  stopReading(): void {
    this.#socket?.pause();
  }

  resumeReading(): void {
    this.#socket?.resume();
  }

  /** FIN, without a word of WebSocket. */
  end(): void {
    this.#socket?.end();
  }

  /** RST. */
  reset(): void {
    this.#socket?.terminate();
  }

  opened(socket: Socket<RawClient>): void {
    this.#socket = socket;
    socket.write(upgradeRequest(this.#options));
  }

  received(chunk: Buffer): void {
    const headCame = this.#bytes.feed(chunk, (opcode, payload) => {
      if (opcode === textOpcode) this.#options.onText(payload, this);
      else if (opcode === closeOpcode && payload.length >= 2)
        this.closeCode = payload.readUInt16BE(0);
    });
    if (!headCame) return;
    this.#upgraded?.resolve();
    this.#upgraded = undefined;
  }

  drained(): void {
    const bytes = this.#unsent;
    this.#unsent = undefined;
    if (bytes !== undefined) this.write(bytes);
  }

  closed(): void {
    if (this.#socket === undefined) return;
    this.#socket = undefined;
    this.#upgraded?.reject(new Error("the server closed the connection before the upgrade"));
    this.#options.onClose?.(this);
  }
}

const handlers = {
  open: (socket: Socket<RawClient>) => socket.data.opened(socket),
  data: (socket: Socket<RawClient>, chunk: Buffer) => socket.data.received(chunk),
  drain: (socket: Socket<RawClient>) => socket.data.drained(),
  close: (socket: Socket<RawClient>) => socket.data.closed(),
  end: (socket: Socket<RawClient>) => {
    socket.end();
  },
  error: (socket: Socket<RawClient>) => {
    socket.terminate();
  },
};
