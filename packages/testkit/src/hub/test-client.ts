import type { ClientConnection } from "@switchyard/core";
import type { RecordingLink } from "../fan-out/recording-link.ts";
import { turn } from "../time/turn.ts";

/** One message from the server. */
export interface ServerMessage {
  readonly id?: number;
  readonly error?: {
    readonly code: number;
    readonly message: string;
    readonly temporary?: boolean;
  };
  readonly push?: Readonly<Record<string, unknown>>;
  readonly [method: string]: unknown;
}

/** A client that says exactly what a test tells it to, and keeps what it was answered. */
export class TestClient {
  readonly link: RecordingLink;
  readonly connection: ClientConnection;
  #id = 0;

  constructor(link: RecordingLink, connection: ClientConnection) {
    this.link = link;
    this.connection = connection;
  }

  /** Every message so far, in order. */
  get messages(): readonly ServerMessage[] {
    // The frames are the hub's own JSON.
    return this.link.texts
      .flatMap((frame) => frame.split("\n"))
      .map((line) => JSON.parse(line) as ServerMessage);
  }

  get pushes(): readonly Readonly<Record<string, unknown>>[] {
    return this.messages.flatMap(({ push }) => (push ? [push] : []));
  }

  /** `data` of all publications of a channel that came as pushes. */
  publications(channel: string): readonly unknown[] {
    return this.pushes.flatMap((push) => {
      const { pub } = push as { readonly pub?: { readonly data: unknown } };
      return push["channel"] === channel && pub ? [pub.data] : [];
    });
  }

  /** The code that the server has closed the link with. */
  get closedWith(): number | undefined {
    return this.link.closedWith?.code;
  }

  /** Sends text as one transport message. */
  sendRaw(frame: string): void {
    this.connection.receive(frame);
  }

  /** Sends commands in one frame and returns their ids. */
  send(...commands: readonly Readonly<Record<string, unknown>>[]): readonly number[] {
    const withIds = commands.map((command) => ({ id: (this.#id += 1), ...command }));
    this.connection.receive(withIds.map((command) => JSON.stringify(command)).join("\n"));
    return withIds.map(({ id }) => id);
  }

  /** Sends one command and waits for its reply. Fails when the server is idle and has not answered. */
  async ask(command: Readonly<Record<string, unknown>>): Promise<ServerMessage> {
    const [id] = this.send(command);
    for (let turns = 0; turns < 1_000; turns += 1) {
      const reply = this.messages.find((message) => message.id === id);
      if (reply) return reply;
      await turn();
    }
    throw new Error(`no reply to ${JSON.stringify(command)}; closed with ${this.closedWith}`);
  }

  /** The transport breaks. */
  vanish(): void {
    this.link.vanish();
    this.connection.transportClosed(1006, false);
  }
}
