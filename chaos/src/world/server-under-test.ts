import { createHmac } from "node:crypto";
import { type RunningServer, startServer } from "@switchyard/testkit";

const apiKey = "chaos-api-key";
const tokenSecret = "chaos-token-secret-of-32-characters";
export const leaseMs = 1_000;
/** Of the broker. Publishers wait a little longer. */
export const confirmTimeoutMs = 2_500;

/** The server has 3 s for what it does in order. */
const stopTimeoutMs = 8_000;

export type PlantedBug = "confirmBeforeCommit" | "loseUnsettled" | "retryWithoutLedger";

export interface ServerUnderTestOptions {
  readonly databaseUrl: string;
  readonly plantedBug?: PlantedBug | undefined;
}

/** The server that things are done to. Its processes follow each other under one node name, on any port. */
export class ServerUnderTest implements AsyncDisposable {
  readonly #options: ServerUnderTestOptions;
  /** The latest is last. */
  readonly #processes: RunningServer[] = [];

  constructor(options: ServerUnderTestOptions) {
    this.#options = options;
  }

  readonly apiKey = apiKey;

  /** Of the latest process, that may be dead at the moment. */
  get url(): string {
    return this.#current.url;
  }

  /** Counts processes, from 1. */
  get incarnation(): number {
    return this.#processes.length;
  }

  /** Starts the first process, or the one that follows a killed or stopped one. */
  async start(): Promise<void> {
    const { databaseUrl, plantedBug } = this.#options;
    const server = await startServer({
      dev: false,
      config: JSON.stringify({ client: { limits: { commands_per_second: 0 } } }),
      args: ["--shutdown-spread", "0s", "--shutdown-deadline", "3s"],
      env: {
        SWITCHYARD_DATABASE_URL: databaseUrl,
        SWITCHYARD_NODE_NAME: "chaos",
        SWITCHYARD_API_KEY: apiKey,
        SWITCHYARD_TOKEN_SECRET: tokenSecret,
        SWITCHYARD_BROKER_LEASE: `${leaseMs}ms`,
        SWITCHYARD_BROKER_CONFIRM_TIMEOUT: `${confirmTimeoutMs}ms`,
        ...(plantedBug !== undefined && { SWITCHYARD_TEST_PLANTED_BUG: plantedBug }),
      },
    });
    this.#processes.push(server);
  }

  kill(): Promise<void> {
    return this.#current.kill();
  }

  /** SIGTERM. False: it does not end within `stopTimeoutMs`, and is killed. */
  async stop(): Promise<boolean> {
    const late = Bun.sleep(stopTimeoutMs).then(() => false);
    const ended = this.#current.stop().then(() => true);
    const hasEnded = await Promise.race([ended, late]);
    if (!hasEnded) await this.kill();
    return hasEnded;
  }

  freeze(): void {
    process.kill(this.#current.pid, "SIGSTOP");
  }

  thaw(): void {
    process.kill(this.#current.pid, "SIGCONT");
  }

  /** While the process is frozen: starts the next one, wakes the old one, which has been replaced, and ends it later. */
  async replaceFrozen(lingerMs: number): Promise<void> {
    const old = this.#current;
    try {
      await this.start();
    } finally {
      process.kill(old.pid, "SIGCONT");
    }
    await Bun.sleep(lingerMs);
    await old.stop("SIGKILL");
  }

  get log(): string {
    return this.#processes.map((one) => one.log()).join("\n--- next process ---\n");
  }

  /** Of a client that may publish and consume what the run uses. */
  token(user: string): string {
    const caps = [
      { exchanges: ["chaos.*"], match: "wildcard", allow: ["publish"] },
      { queues: ["chaos.*"], match: "wildcard", allow: ["consume"] },
    ];
    const part = (value: unknown): string =>
      Buffer.from(JSON.stringify(value)).toString("base64url");
    const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part({ sub: user, caps })}`;
    return `${signed}.${createHmac("sha256", tokenSecret).update(signed).digest("base64url")}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of this.#processes) {
      await one.kill(); // one that hangs would be waited for
      await one[Symbol.asyncDispose]();
    }
  }

  get #current(): RunningServer {
    const server = this.#processes.at(-1);
    if (!server) throw new Error("the server has not been started");
    return server;
  }
}
