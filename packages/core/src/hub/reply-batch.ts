import type { Link } from "../ports/fan-out.ts";

/** Of one transport message that holds several replies. */
const frameCharacters = 65_536;

/**
 * Replies that become ready in the same turn leave as one transport message (protocol 1.4), after all of them: one commit
 * confirms hundreds of publishes of a connection, and every message is a system call.
 */
export class ReplyBatch {
  readonly #link: Link;
  #frame = "";

  constructor(link: Link) {
    this.#link = link;
  }

  add(reply: string): void {
    if (this.#frame === "") {
      this.#frame = reply;
      void Promise.resolve().then(() => this.flush());
    } else if (this.#frame.length + reply.length < frameCharacters) {
      this.#frame += `\n${reply}`;
    } else {
      this.#link.send(this.#frame);
      this.#frame = reply;
    }
  }

  /** Sends what there is now: before what must come behind it. */
  flush(): void {
    if (this.#frame === "") return;
    const frame = this.#frame;
    this.#frame = "";
    this.#link.send(frame);
  }
}
