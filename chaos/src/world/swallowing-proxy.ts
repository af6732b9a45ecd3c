import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** PostgreSQL's BindComplete: what follows is the answer to a statement that was executed. */
const bindComplete = Buffer.from([0x32, 0, 0, 0, 4]);
/** Tag of the one statement of a flush, as CommandComplete has it. */
const selected = Buffer.from("SELECT 1\0");
/** In the startup packet of the connections that write queues. */
const writer = Buffer.from("switchyard queues ");

/**
 * A TCP proxy between the server and PostgreSQL. On demand it swallows the answer to a commit: the statement arrives and
 * is carried out, its answer does not come back, and the connection breaks.
 */
export class SwallowingProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #due = 0;
  #swallowed = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(target: {
    readonly host: string;
    readonly port: number;
  }): Promise<SwallowingProxy> {
    const server = createServer();
    const proxy = new SwallowingProxy(server);
    server.on("connection", (near) => proxy.#forward(near, connect(target)));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return proxy;
  }

  get port(): number {
    // A server that listens on TCP has such an address.
    return (this.#server.address() as AddressInfo).port;
  }

  /** Answers that were swallowed so far. */
  get swallowed(): number {
    return this.#swallowed;
  }

  /** The next `count` commits of queues are not answered. 0: all are again. */
  swallow(count: number): void {
    this.#due = count;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const closed = once(this.#server, "close");
    this.#server.close();
    await closed;
  }

  #forward(near: Socket, far: Socket): void {
    let isWriter: boolean | undefined;
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(socket);
      socket.setNoDelay();
      socket.on("error", () => socket.destroy());
      socket.on("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
      socket.on("drain", () => other.resume());
    }
    near.on("data", (chunk: Buffer) => {
      isWriter ??= chunk.includes(writer);
      if (!far.write(chunk)) near.pause();
    });
    far.on("data", (chunk: Buffer) => {
      if (isWriter && this.#due > 0 && chunk.includes(bindComplete) && chunk.includes(selected)) {
        this.#due -= 1;
        this.#swallowed += 1;
        near.resetAndDestroy();
        return;
      }
      if (!near.write(chunk)) far.pause();
    });
  }
}
