import { Centrifuge, State, type TransportEndpoint } from "centrifuge";
import type { ConnectionState } from "./connection-state.ts";
import { RetryGate } from "./retry-gate.ts";

export type TransportChoice = "auto" | "websocket" | "http_stream" | "sse";

export interface LiveConnectionOptions {
  readonly transport: TransportChoice;
  /** A connection token. A throw of `UnauthorizedError` ends the attempts. */
  readonly getToken: () => Promise<string>;
  readonly onState: (state: ConnectionState) => void;
}

/** Below the gate's shortest delay; the gate alone decides when an attempt starts. */
const sdkDelayMs = 250;

/** The stock SDK, with a state that says what is true, and when the next attempt is. */
export class LiveConnection {
  readonly centrifuge: Centrifuge;
  readonly #gate = new RetryGate(() => performance.now(), Math.random);
  readonly #onState: (state: ConnectionState) => void;
  #state: ConnectionState = { kind: "stopped" };
  #stopped = false;
  /** getData was answered, and nothing has come of it yet. */
  #attemptBegun = false;

  constructor({ transport, getToken, onState }: LiveConnectionOptions) {
    this.#onState = onState;
    this.centrifuge = new Centrifuge(endpoints(transport), {
      name: "first-page",
      emulationEndpoint: new URL("/emulation", location.href).href,
      minReconnectDelay: sdkDelayMs,
      maxReconnectDelay: sdkDelayMs,
      getToken: async () => {
        await this.#gate.pass();
        // The token is part of the attempt: whatever it takes, the countdown is over.
        if (this.#state.kind === "waiting")
          this.#set({ kind: "connecting", attempt: this.#gate.attempt });
        return getToken();
      },
      getData: () => this.#beginAttempt(),
    });
    this.centrifuge.on("connecting", ({ code, reason }) => {
      this.#attemptBegun = false;
      if (code === 0) this.#set({ kind: "connecting", attempt: 1 });
      else this.#wait(reason);
    });
    this.centrifuge.on("error", ({ error }) => {
      // Errors of a token's refresh come while the connection is live, and change nothing about it.
      if (this.#state.kind === "connecting") this.#wait(error.message);
    });
    this.centrifuge.on("connected", ({ transport: used, client }) => {
      this.#gate.reset();
      this.#set({ kind: "live", transport: used, client });
    });
    this.centrifuge.on("disconnected", ({ code, reason }) => {
      this.#gate.reset();
      this.#set(code === 0 ? { kind: "stopped" } : { kind: "refused", code, reason });
    });
  }

  get state(): ConnectionState {
    return this.#state;
  }

  connect(): void {
    this.centrifuge.connect();
  }

  disconnect(): void {
    this.centrifuge.disconnect();
  }

  /** Starts the next attempt now instead of when the countdown ends. */
  retryNow(): void {
    this.#gate.open();
  }

  /** Disconnects for good, without telling anybody. */
  discard(): void {
    this.#stopped = true;
    this.centrifuge.disconnect();
    this.centrifuge.removeAllListeners();
  }

  /** The SDK calls this once before every attempt, and starts the attempt when it is answered. */
  async #beginAttempt(): Promise<null> {
    // A socket that closes between its opening and the connect reply is told by no event: the next attempt tells.
    if (this.#state.kind === "connecting" && this.#attemptBegun)
      this.#wait("the connection was closed");
    await this.#gate.pass();
    // The visitor may have disconnected meanwhile: the SDK then drops this answer.
    if (this.centrifuge.state !== State.Connecting) return null;
    this.#attemptBegun = true;
    this.#set({ kind: "connecting", attempt: this.#gate.attempt });
    return null;
  }

  #wait(reason: string): void {
    this.#attemptBegun = false;
    const retryAt = this.#gate.close();
    this.#set({ kind: "waiting", attempt: this.#gate.attempt, retryAt, reason });
  }

  #set(state: ConnectionState): void {
    if (this.#stopped) return;
    if (state.kind !== "connecting") this.#attemptBegun = false;
    this.#state = state;
    this.#onState(state);
  }
}

function endpoints(choice: TransportChoice): TransportEndpoint[] {
  const webSocketUrl = new URL("/connection/websocket", location.href);
  webSocketUrl.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  const all: TransportEndpoint[] = [
    { transport: "websocket", endpoint: webSocketUrl.href },
    { transport: "http_stream", endpoint: new URL("/connection/http_stream", location.href).href },
    { transport: "sse", endpoint: new URL("/connection/sse", location.href).href },
  ];
  return choice === "auto" ? all : all.filter(({ transport }) => transport === choice);
}
