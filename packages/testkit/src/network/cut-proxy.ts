import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";

/** A TCP proxy on loopback whose connections a test can cut, as a network that fails does. */
export class CutProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  readonly #held = new Set<readonly [Socket, Socket]>();
  #open = true;
  #accepted = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Forwards to the host and port of `target`, a URL such as http://127.0.0.1:8000. */
  static async start(target: string): Promise<CutProxy> {
    const { hostname, port } = new URL(target);
    const server = createServer();
    const proxy = new CutProxy(server);
    server.on("connection", (near) => proxy.#forward(near, hostname, Number(port)));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return proxy;
  }

  /** Where it listens: 127.0.0.1:PORT. */
  get host(): string {
    // A server that listens on TCP has such an address.
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Connections that were let through so far. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Stops forwarding what the target answers, on the connections that are open now, until they end or `releaseAnswers`. */
  holdAnswers(): void {
    for (const pair of this.#pairs) {
      const [near, far] = pair;
      far.unpipe(near);
      far.pause();
      this.#held.add(pair);
    }
  }

  /** Forwards again what `holdAnswers` has held. */
  releaseAnswers(): void {
    for (const pair of this.#held) if (this.#pairs.has(pair)) pair[1].pipe(pair[0]);
    this.#held.clear();
  }

  /** Resets (RST) all connections on both sides; what is in flight is lost. New ones are reset until `mend`. Returns how many were cut. */
  cut(): number {
    this.#open = false;
    const count = this.#pairs.size;
    for (const [near, far] of this.#pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
    this.#pairs.clear();
    return count;
  }

  /** Lets new connections through again. */
  mend(): void {
    this.#open = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    const closed = once(this.#server, "close");
    this.#server.close();
    await closed;
  }

  #forward(near: Socket, host: string, port: number): void {
    near.on("error", () => near.destroy());
    if (!this.#open) {
      near.resetAndDestroy();
      return;
    }
    this.#accepted += 1;
    const far = connect(port, host);
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    const end = (): void => {
      this.#pairs.delete(pair);
      this.#held.delete(pair);
      near.destroy();
      far.destroy();
    };
    far.on("error", end);
    near.on("close", end);
    far.on("close", end);
    near.pipe(far);
    far.pipe(near);
  }
}
