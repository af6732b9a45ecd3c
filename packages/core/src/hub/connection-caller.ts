import type { JsonText } from "@switchyard/protocol";
import type { ConnectionId } from "../ids.ts";
import type { CapabilityKind, CapabilityVerb } from "../ports/authenticator.ts";
import type { Timer } from "../ports/clock.ts";
import type { Connection } from "./connection.ts";
import type { Caller } from "./method-registry.ts";

/** Characters of one transport message that holds several pushes. */
const frameCharacters = 65_536;
/** How often a link is asked again that does not tell that it has drained. */
const askAgainMs = 100;

/** A connection as its methods see it. */
export class ConnectionCaller implements Caller {
  readonly #connection: Connection;
  readonly #listeners: (() => void)[] = [];
  /** Somebody has been told that there is no room. */
  #waiting: Timer | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get connection(): ConnectionId {
    return this.#connection.id;
  }

  get user(): string {
    return this.#connection.user;
  }

  get signal(): AbortSignal {
    return this.#connection.signal;
  }

  allows(kind: CapabilityKind, name: string, verb: CapabilityVerb): boolean {
    return this.#connection.capabilities.allows(kind, name, verb);
  }

  send(data: JsonText): void {
    this.#connection.push({ type: "message", data });
  }

  sendWhileRoom(data: readonly JsonText[]): number {
    const sent = this.#sendWhileRoom(data);
    this.#connection.earn(sent);
    return sent;
  }

  #sendWhileRoom(data: readonly JsonText[]): number {
    const { codec, link } = this.#connection;
    let sent = 0;
    let frame = "";
    let inFrame = 0;
    for (const one of data) {
      const push = codec.push({ type: "message", data: one });
      if (frame !== "" && frame.length + push.length >= frameCharacters) {
        if (!this.hasRoom()) return sent;
        link.send(frame);
        sent += inFrame;
        [frame, inFrame] = ["", 0];
      }
      frame = frame === "" ? push : `${frame}\n${push}`;
      inFrame += 1;
    }
    if (frame === "" || !this.hasRoom()) return sent;
    link.send(frame);
    return sent + inFrame;
  }

  hasRoom(): boolean {
    if (this.#connection.closed) return false;
    if (this.#isRoomy()) return true;
    this.#waiting ??= this.#askLater();
    return false;
  }

  onDrained(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** The link may have room again. */
  drained(): void {
    if (this.#waiting === undefined || !this.#isRoomy()) return;
    this.close();
    for (const listener of this.#listeners) listener();
  }

  /** Nobody is told of room any more, until somebody finds none again. */
  close(): void {
    this.#waiting?.cancel();
    this.#waiting = undefined;
  }

  #isRoomy(): boolean {
    const { link, services } = this.#connection;
    return link.bufferedBytes() <= services.options.limits.pauseBytes;
  }

  #askLater(): Timer {
    return this.#connection.services.clock.after(askAgainMs, () => {
      if (this.#isRoomy()) return this.drained();
      this.#waiting = this.#askLater();
    });
  }
}
