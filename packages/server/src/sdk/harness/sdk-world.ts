import { type RunningServer, startServer } from "@switchyard/testkit";
import type { JsonText } from "@switchyard/protocol";
import { Centrifuge, type Options, type TransportEndpoint } from "centrifuge";
import { EventSource } from "eventsource";
import { signToken } from "../../auth/sign-token.ts";

export const transports = ["websocket", "http_stream", "sse"] as const;
export type SdkTransport = (typeof transports)[number];

const secret = "a secret for the tests alone";
const apiKey = "key-of-the-tests";
const open = {
  presence: true,
  join_leave: true,
  history_size: 100,
  history_ttl: "5m",
  allow_subscribe_for_client: true,
  allow_subscribe_for_anonymous: true,
  allow_publish_for_client: true,
  allow_presence_for_client: true,
  allow_presence_for_anonymous: true,
  allow_history_for_client: true,
  force_recovery: true,
};
const namespaces = [
  { name: "open", ...open },
  { name: "told", ...open, force_push_join_leave: true },
  { name: "short", ...open, history_size: 2 },
  {
    name: "cache",
    ...open,
    history_size: 1,
    force_recovery_mode: "cache",
    auto_cache_recover: true,
  },
  { name: "plain", allow_subscribe_for_client: true },
  { name: "closed" },
];

/** What a token says besides its user. Times are Unix seconds. */
export interface TokenMore {
  readonly expiresAt?: number;
  readonly channels?: readonly string[];
  readonly caps?: JsonText;
}

/** The real server as a process, and stock SDK clients of it. */
export class SdkWorld implements AsyncDisposable {
  #server: RunningServer;
  readonly #clients: Centrifuge[] = [];
  readonly #env: Readonly<Record<string, string>>;

  private constructor(server: RunningServer, env: Readonly<Record<string, string>>) {
    this.#server = server;
    this.#env = env;
  }

  /** `env`: more `SWITCHYARD_*` variables. `dataDir`: of a server that ran before. */
  static async start(env: Readonly<Record<string, string>> = {}): Promise<SdkWorld> {
    const whole = {
      SWITCHYARD_TOKEN_SECRET: secret,
      SWITCHYARD_API_KEY: apiKey,
      SWITCHYARD_HTTP_ADDRESS: "127.0.0.1",
      SWITCHYARD_CHANNEL_NAMESPACES: JSON.stringify(namespaces),
      SWITCHYARD_SHUTDOWN_SPREAD: "0s",
      ...env,
    };
    return new SdkWorld(await startServer({ dev: false, env: whole }), whole);
  }

  get server(): RunningServer {
    return this.#server;
  }

  /** Such as 127.0.0.1:40123. */
  get host(): string {
    return new URL(this.#server.url).host;
  }

  /** Stops the server in order and starts another one on what it leaves, on another port. */
  async restart(): Promise<void> {
    const { dataDir } = this.#server;
    await this.#server.stop();
    const next = await startServer({ dev: false, env: this.#env, dataDir });
    const first = this.#server;
    // The first one's end removes the data directory, which must wait for that of the second.
    this.#server = {
      ...next,
      [Symbol.asyncDispose]: async () => {
        await next[Symbol.asyncDispose]();
        await first[Symbol.asyncDispose]();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.disconnect();
    await this.#server[Symbol.asyncDispose]();
  }

  token(user: string, more: TokenMore = {}): Promise<string> {
    return signToken(secret, { user, issuedAt: nowSeconds(), expiresAt: undefined, ...more });
  }

  subscriptionToken(user: string, channel: string, expiresAt?: number): Promise<string> {
    return signToken(secret, { user, channel, issuedAt: nowSeconds(), expiresAt });
  }

  /** One call of the server API. Throws for an error in the answer. */
  async api(method: string, body: object): Promise<Readonly<Record<string, unknown>>> {
    const response = await fetch(`${this.#server.url}/api/${method}`, {
      method: "POST",
      headers: { "X-API-Key": apiKey },
      body: JSON.stringify(body),
    });
    // The server API's envelope.
    const { result, error } = (await response.json()) as {
      readonly result?: Readonly<Record<string, unknown>>;
      readonly error?: unknown;
    };
    if (!result) throw new Error(`${method}: ${JSON.stringify(error)}`);
    return result;
  }

  /** A client that has not connected. It is disconnected at the end. */
  client(
    transport: SdkTransport | readonly TransportEndpoint[],
    options: Partial<Options> = {},
    host = this.host,
  ): Centrifuge {
    const endpoints = typeof transport === "string" ? [endpoint(transport, host)] : [...transport];
    const client = new Centrifuge(endpoints, {
      eventsource: EventSource,
      emulationEndpoint: `http://${host}/emulation`,
      minReconnectDelay: 10,
      maxReconnectDelay: 200,
      ...options,
    });
    this.#clients.push(client);
    return client;
  }

  /** A client of `user` that is connected. */
  async connected(
    transport: SdkTransport,
    user: string,
    options: Partial<Options> = {},
    host = this.host,
  ): Promise<Centrifuge> {
    const client = this.client(transport, { token: await this.token(user), ...options }, host);
    client.connect();
    await client.ready(10_000);
    return client;
  }
}

export function endpoint(transport: SdkTransport, host: string): TransportEndpoint {
  const scheme = transport === "websocket" ? "ws" : "http";
  return { transport, endpoint: `${scheme}://${host}/connection/${transport}` };
}

export function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
