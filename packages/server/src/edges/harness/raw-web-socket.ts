import { RawSocket } from "./raw-socket.ts";
import { until } from "./until.ts";

/** WebSocket opcodes (RFC 6455 section 5.2). */
export const opcodes = {
  continuation: 0,
  text: 1,
  binary: 2,
  close: 8,
  ping: 9,
  pong: 10,
} as const;

interface FrameOptions {
  readonly opcode?: number;
  readonly final?: boolean;
  readonly masked?: boolean;
  /** What the header claims, when that is not the payload's length. */
  readonly claimedLength?: number;
}

/** One frame as a client sends it: masked, with an all-zero key. */
export function clientFrame(payload: string | Uint8Array, options: FrameOptions = {}): Buffer {
  const { opcode = opcodes.text, final = true, masked = true } = options;
  const bytes = Buffer.from(payload);
  const length = options.claimedLength ?? bytes.length;
  const header = Buffer.alloc(10);
  header[0] = (final ? 0x80 : 0) | opcode;
  const mask = masked ? 0x80 : 0;
  let size = 2;
  if (length < 126) header[1] = mask | length;
  else if (length < 65_536) {
    header[1] = mask | 126;
    size = header.writeUInt16BE(length, 2);
  } else {
    header[1] = mask | 127;
    size = header.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([header.subarray(0, size), Buffer.alloc(masked ? 4 : 0), bytes]);
}

interface ServerFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** A WebSocket client without manners: it answers neither pings nor close frames by itself. */
export class RawWebSocket {
  readonly raw: RawSocket;
  readonly responseHead: string;
  readonly frames: ServerFrame[] = [];
  readonly #texts: string[] = [];
  #rest: Buffer = Buffer.alloc(0);

  private constructor(raw: RawSocket, responseHead: string) {
    this.raw = raw;
    this.responseHead = responseHead;
  }

  /** Sends the handshake and reads the response's head, whatever it says. */
  static async open(port: number, { query = "", headers = "" } = {}): Promise<RawWebSocket> {
    const raw = await RawSocket.open(port);
    raw.write(
      `GET /connection/websocket${query} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${headers}\r\n`,
    );
    return new RawWebSocket(raw, await raw.takeUntil("\r\n\r\n"));
  }

  send(payload: string | Uint8Array, options: FrameOptions = {}): void {
    this.raw.write(clientFrame(payload, options));
  }

  /** All frames so far. */
  read(): readonly ServerFrame[] {
    const came = this.raw.take();
    let rest = this.#rest.length === 0 ? came : Buffer.concat([this.#rest, came]);
    for (;;) {
      const frame = serverFrame(rest);
      if (frame === undefined) break;
      this.frames.push(frame);
      if (frame.opcode === opcodes.text) this.#texts.push(frame.payload.toString());
      rest = rest.subarray(frame.size);
    }
    this.#rest = rest;
    return this.frames;
  }

  /** Text frames so far. */
  texts(): readonly string[] {
    this.read();
    return this.#texts;
  }

  /** The code and reason of the close frame, undefined when the connection ends without one. */
  async closing(): Promise<{ readonly code: number; readonly reason: string } | undefined> {
    const closeFrame = () => this.read().find(({ opcode }) => opcode === opcodes.close);
    await until(() => closeFrame() !== undefined || this.raw.ended);
    const payload = closeFrame()?.payload;
    return payload && { code: payload.readUInt16BE(0), reason: payload.subarray(2).toString() };
  }
}

function serverFrame(bytes: Buffer): (ServerFrame & { readonly size: number }) | undefined {
  const short = (bytes[1] ?? 0) & 0x7f;
  const start = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < start) return undefined;
  const length =
    short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  const size = start + length;
  if (bytes.length < size) return undefined;
  return {
    opcode: (bytes[0] ?? 0) & 0x0f,
    payload: Buffer.from(bytes.subarray(start, size)),
    size,
  };
}
