const headerEnd = Buffer.from("\r\n\r\n");
const empty = Buffer.alloc(0);

export interface UpgradeRequest {
  /** HOST:PORT. */
  readonly host: string;
  /** Sent as `X-User-ID`, which a server believes that trusts this address; undefined: anonymous. */
  readonly user?: string | undefined;
}

/** The handshake of RFC 6455 section 4.1, with a fixed key: nobody here checks the answer's. */
export function upgradeRequest({ host, user }: UpgradeRequest): string {
  const identity = user === undefined ? "" : `X-User-ID: ${user}\r\n`;
  return (
    `GET /connection/websocket HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${identity}\r\n`
  );
}

const textOpcode = 1;

/** One whole text frame as a client sends it, masked with an all-zero key. */
export function textFrame(text: string): Buffer {
  return opcodeFrame(textOpcode, text);
}

/** As `textFrame`, with any opcode. */
export function opcodeFrame(opcode: number, text: string): Buffer {
  const length = Buffer.byteLength(text);
  const extra = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const frame = Buffer.alloc(2 + extra + 4 + length);
  frame[0] = 0x80 | opcode;
  frame[1] = 0x80 | (extra === 0 ? length : extra === 2 ? 126 : 127);
  if (extra === 2) frame.writeUInt16BE(length, 2);
  if (extra === 8) frame.writeBigUInt64BE(BigInt(length), 2);
  frame.write(text, 6 + extra);
  return frame;
}

/** Takes a server's bytes apart: the head of its HTTP answer first, then frames. Payloads are views, valid during the call. */
export class ServerBytes {
  #rest: Buffer = empty;
  #headDone = false;

  /** True once the head has come; `onFrame` gets what is whole so far, in order. */
  feed(chunk: Buffer, onFrame: (opcode: number, payload: Buffer) => void): boolean {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    if (!this.#headDone) {
      const end = bytes.indexOf(headerEnd);
      if (end === -1) {
        this.#rest = Buffer.from(bytes);
        return false;
      }
      this.#headDone = true;
      bytes = bytes.subarray(end + headerEnd.length);
    }
    let at = 0;
    while (bytes.length - at >= 2) {
      const short = (bytes[at + 1] ?? 0) & 0x7f;
      const start = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
      if (bytes.length < start) break;
      const length =
        short < 126
          ? short
          : short === 126
            ? bytes.readUInt16BE(at + 2)
            : Number(bytes.readBigUInt64BE(at + 2));
      if (bytes.length < start + length) break;
      onFrame((bytes[at] ?? 0) & 0x0f, bytes.subarray(start, start + length));
      at = start + length;
    }
    // Copied, because Bun uses its buffer again.
    this.#rest = at === bytes.length ? empty : Buffer.from(bytes.subarray(at));
    return true;
  }
}
