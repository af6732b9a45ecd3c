import type { ClientConnection, ConnectionRequest, HubEdge, Link } from "@switchyard/core";
import type { Codec } from "@switchyard/protocol";
import { until } from "./until.ts";

/** What a transport has told about one client, in order. */
export class ScriptedConnection implements ClientConnection {
  readonly id: string;
  readonly link: Link;
  readonly codec: Codec;
  readonly request: ConnectionRequest;
  readonly received: string[] = [];
  oversized = 0;
  drains = 0;
  readonly closings: { readonly code: number; readonly slow: boolean }[] = [];
  onReceive: ((frame: string) => void) | undefined;

  constructor(id: string, link: Link, codec: Codec, request: ConnectionRequest) {
    this.id = id;
    this.link = link;
    this.codec = codec;
    this.request = request;
  }

  receive(frame: string): void {
    this.received.push(frame);
    this.onReceive?.(frame);
  }

  receiveOversized(): void {
    this.oversized += 1;
  }

  drained(): void {
    this.drains += 1;
  }

  transportClosed(code: number, slow: boolean): void {
    this.closings.push({ code, slow });
  }
}

/** A hub that does what the test says: the peer of the edges on the inside. */
export class ScriptedHub implements HubEdge {
  accepting = true;
  readonly connections: ScriptedConnection[] = [];
  readonly emulated: { readonly node: string; readonly session: string; readonly data: string }[] =
    [];
  emulation: () => Promise<"accepted" | "unknown"> = async () => "accepted";
  onOpen: ((connection: ScriptedConnection) => void) | undefined;

  open(link: Link, codec: Codec, request: ConnectionRequest): ScriptedConnection {
    const connection = new ScriptedConnection(`c${this.connections.length}`, link, codec, request);
    this.connections.push(connection);
    this.onOpen?.(connection);
    return connection;
  }

  emulate(node: string, session: string, data: string): Promise<"accepted" | "unknown"> {
    this.emulated.push({ node, session, data });
    return this.emulation();
  }

  /** The `index`th client, once it has come. */
  async connection(index = 0): Promise<ScriptedConnection> {
    await until(() => this.connections.length > index);
    const connection = this.connections[index];
    if (connection === undefined) throw new Error("no such connection");
    return connection;
  }
}
