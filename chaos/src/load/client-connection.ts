import { isRecord } from "../recorder.ts";

/** How long a connection may take to open and greet. */
const openTimeoutMs = 2_000;

export interface ClientConnectionOptions {
  /** Such as http://127.0.0.1:8000. */
  readonly url: string;
  readonly token: string;
  /** Data of `message` pushes, in order. */
  readonly onMessage?: (data: Readonly<Record<string, unknown>>) => void;
}

/** An answer that is an error. */
class RefusedError extends Error {
  override readonly name = "RefusedError";
}

/** No answer: the connection ended, or it took too long. */
export class UnansweredError extends Error {
  override readonly name = "UnansweredError";
}

/** A connection of the client protocol that never comes back by itself, so that a run knows what it did on which. */
export class ClientConnection {
  readonly #socket: WebSocket;
  readonly #onMessage: ClientConnectionOptions["onMessage"];
  readonly #calls = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #ended = Promise.withResolvers<void>();
  #lastId = 0;
  #isOpen = true;

  private constructor(socket: WebSocket, options: ClientConnectionOptions) {
    this.#socket = socket;
    this.#onMessage = options.onMessage;
    socket.addEventListener("message", ({ data }) => this.#received(String(data)));
    socket.addEventListener("close", () => this.#end());
    socket.addEventListener("error", () => this.#end());
  }

  /** Throws when there is nobody, or not in time. */
  static async open(options: ClientConnectionOptions): Promise<ClientConnection> {
    const socket = new WebSocket(`${options.url.replace("http", "ws")}/connection/websocket`);
    const connection = new ClientConnection(socket, options);
    const opened = Promise.withResolvers<void>();
    socket.addEventListener("open", () => opened.resolve());
    const timer = setTimeout(() => connection.vanish(), openTimeoutMs);
    try {
      await Promise.race([opened.promise, connection.ended]);
      await connection.#ask({ connect: { token: options.token } });
      return connection;
    } catch (error) {
      connection.vanish();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Fulfils when it has ended, however. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Calls start in their order. Throws `RefusedError`, and `UnansweredError` when the connection ends. */
  async rpc(method: string, data: unknown): Promise<Readonly<Record<string, unknown>>> {
    const reply = await this.#ask({ rpc: { method, data } });
    const result = isRecord(reply) && isRecord(reply["rpc"]) ? reply["rpc"]["data"] : undefined;
    return isRecord(result) ? result : {};
  }

  send(data: unknown): void {
    this.#write({ send: { data } });
  }

  /** In order, with a close frame. */
  close(): void {
    this.#socket.close();
    this.#end();
  }

  /** Without a word. */
  vanish(): void {
    this.#socket.terminate();
    this.#end();
  }

  #ask(command: object): Promise<unknown> {
    if (!this.#isOpen) return Promise.reject(new UnansweredError("the connection has ended"));
    this.#lastId += 1;
    const call = Promise.withResolvers<unknown>();
    this.#calls.set(this.#lastId, call);
    this.#write({ id: this.#lastId, ...command });
    return call.promise;
  }

  #write(command: object): void {
    if (this.#isOpen && this.#socket.readyState === WebSocket.OPEN)
      this.#socket.send(JSON.stringify(command));
  }

  #received(frame: string): void {
    if (!this.#isOpen) return;
    for (const line of frame.split("\n")) {
      if (line === "{}") this.#write({});
      else if (line !== "") this.#reply(JSON.parse(line));
    }
  }

  #reply(reply: unknown): void {
    if (!isRecord(reply)) return;
    const { id, push, error } = reply;
    if (isRecord(push)) {
      const data = isRecord(push["message"]) ? push["message"]["data"] : undefined;
      if (isRecord(data)) this.#onMessage?.(data);
      return;
    }
    if (typeof id !== "number") return;
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    if (error === undefined) call?.resolve(reply);
    else call?.reject(new RefusedError(JSON.stringify(error)));
  }

  #end(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const call of this.#calls.values())
      call.reject(new UnansweredError("the connection ended"));
    this.#calls.clear();
    this.#ended.resolve();
  }
}
