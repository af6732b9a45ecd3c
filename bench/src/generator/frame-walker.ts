/** Receives whole frames. `bytes` is only valid during the call: it is the network chunk itself or a buffer that is used again. */
export interface FrameSink {
  frame(opcode: number, bytes: Uint8Array, start: number, end: number): void;
}

/** The server sent what this walker does not read: masked, fragmented or compressed frames, or one above 16 MiB. */
export class UnsupportedFrameError extends Error {
  override readonly name = "UnsupportedFrameError";
}

const LARGEST_FRAME = 16 * 1024 * 1024;
const EMPTY = new Uint8Array(0);

/**
 * Walks the WebSocket frames (RFC 6455 section 5.2) of one server-to-client byte stream, cut into chunks anywhere.
 * Frames that lie whole within a chunk are reported in place, without a copy; only the frame across a chunk border is copied.
 */
export class FrameWalker {
  #held = EMPTY;
  #heldBytes = 0;

  /** @throws UnsupportedFrameError; the stream cannot be read on after it. */
  walk(chunk: Uint8Array, sink: FrameSink): void {
    const length = chunk.length;
    let at = this.#heldBytes > 0 ? this.#completeHeld(chunk, sink) : 0;
    while (at + 2 <= length) {
      const second = chunk[at + 1] ?? 0;
      let start = at + 2;
      let payload = second;
      if (second >= 126) {
        start = at + headerBytes(second);
        if (start > length) break;
        payload = longLength(chunk, at, second);
      }
      checkFirstByte(chunk[at] ?? 0);
      const end = start + payload;
      if (end > length) break;
      sink.frame((chunk[at] ?? 0) & 0x0f, chunk, start, end);
      at = end;
    }
    if (at < length) this.#hold(chunk, at, length);
  }

  /** Fills the held frame from the chunk and reports it when complete. Returns where the next frame starts. */
  #completeHeld(chunk: Uint8Array, sink: FrameSink): number {
    let at = 0;
    for (;;) {
      const wanted = this.#heldFrameBytes();
      const take = Math.min(wanted - this.#heldBytes, chunk.length - at);
      if (take > 0) {
        this.#hold(chunk, at, at + take);
        at += take;
      }
      if (this.#heldBytes < wanted) return at;
      if (this.#heldFrameBytes() > wanted) continue;
      const header = headerBytes(this.#held[1] ?? 0);
      if (wanted < header) continue;
      checkFirstByte(this.#held[0] ?? 0);
      this.#heldBytes = 0;
      sink.frame((this.#held[0] ?? 0) & 0x0f, this.#held, header, wanted);
      return at;
    }
  }

  /** Bytes of the held frame as far as its header tells yet: the header's own length until that is complete. */
  #heldFrameBytes(): number {
    if (this.#heldBytes < 2) return 2;
    const second = this.#held[1] ?? 0;
    const header = headerBytes(second);
    if (this.#heldBytes < header) return header;
    return header + (second < 126 ? second : longLength(this.#held, 0, second));
  }

  #hold(chunk: Uint8Array, from: number, to: number): void {
    const needed = this.#heldBytes + to - from;
    if (needed > this.#held.length) {
      const grown = new Uint8Array(Math.max(256, 2 ** Math.ceil(Math.log2(needed))));
      grown.set(this.#held.subarray(0, this.#heldBytes));
      this.#held = grown;
    }
    this.#held.set(chunk.subarray(from, to), this.#heldBytes);
    this.#heldBytes = needed;
  }
}

function headerBytes(secondByte: number): number {
  if (secondByte > 127) throw new UnsupportedFrameError("masked frame from the server");
  return secondByte < 126 ? 2 : secondByte === 126 ? 4 : 10;
}

function longLength(bytes: Uint8Array, at: number, secondByte: number): number {
  if (secondByte === 126) return ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
  let length = 0;
  for (let index = at + 2; index < at + 10; index += 1) length = length * 256 + (bytes[index] ?? 0);
  if (length > LARGEST_FRAME) throw new UnsupportedFrameError(`frame of ${length} bytes`);
  return length;
}

/** FIN must be set, RSV1-3 clear, and the opcode no continuation. */
function checkFirstByte(first: number): void {
  if ((first & 0xf0) !== 0x80 || first === 0x80) {
    throw new UnsupportedFrameError(
      `fragmented or compressed frame (first byte 0x${first.toString(16)})`,
    );
  }
}
