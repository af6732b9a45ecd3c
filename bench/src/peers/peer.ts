import type { DialectOptions } from "../generator/commands.ts";

/** What the generator needs to know of the load, so that a peer can name its channels. */
export type Addressing = "channel" | "personal" | "presence" | "history";

export const peerNames = ["switchyard", "bun", "ws", "socket.io", "epoll"] as const;
export type PeerName = (typeof peerNames)[number];

export interface RunningPeer extends AsyncDisposable {
  /** The server itself, not a wrapper: its CPU time and memory are read. */
  readonly pid: number;
  readonly port: number;
  readonly dialect: DialectOptions;
}

/** A server that can be measured. */
export interface Peer {
  readonly name: PeerName;
  readonly label: string;
  /** First rate of a search for saturation, per 1,000 subscribers: roughly what such a server does. */
  readonly searchFrom: number;
  /** Why it cannot run here, or undefined. */
  unavailable(): string | undefined;
  /** @param prefix Command that pins the server to its core. @throws Error when it does not become ready. */
  start(prefix: readonly string[], addressing: Addressing): Promise<RunningPeer>;
}
