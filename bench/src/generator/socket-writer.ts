import type { Socket } from "bun";

/** Bytes that may wait for a socket whose peer does not read. Above, `write` fails the connection: the server is hopelessly behind. */
const MAX_WAITING_BYTES = 256 * 1024 * 1024;

/** Writes to a socket in order, keeping what the kernel does not take until `drain`. */
export class SocketWriter {
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;

  write(socket: Pick<Socket<unknown>, "write" | "terminate">, bytes: Uint8Array): void {
    if (this.#waiting.length > 0) {
      this.#keep(socket, bytes);
      return;
    }
    const written = Math.max(0, socket.write(bytes));
    if (written < bytes.length) this.#keep(socket, bytes.subarray(written));
  }

  /** To be called when the socket drains. */
  flush(socket: Pick<Socket<unknown>, "write">): void {
    let sent = 0;
    for (const bytes of this.#waiting) {
      const written = Math.max(0, socket.write(bytes));
      this.#waitingBytes -= written;
      if (written < bytes.length) {
        this.#waiting[sent] = bytes.subarray(written);
        break;
      }
      sent += 1;
    }
    this.#waiting.splice(0, sent);
  }

  #keep(socket: Pick<Socket<unknown>, "terminate">, bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes > MAX_WAITING_BYTES) socket.terminate();
  }
}
