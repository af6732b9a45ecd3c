import { readdirSync, readlinkSync } from "node:fs";
import { systemClock } from "../../system-clock.ts";
import { systemRandom } from "../../system-random.ts";
import { type ClientEdges, createClientEdges } from "../client-edges.ts";
import type { EdgeOptions, EdgeServer } from "../edge-options.ts";
import { ScriptedHub } from "./scripted-hub.ts";

export interface EdgeServerFixture extends AsyncDisposable {
  readonly hub: ScriptedHub;
  readonly edges: ClientEdges;
  readonly server: EdgeServer;
  readonly port: number;
  readonly url: string;
}

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** The edges on a real server on loopback, with a hub that the test scripts. Allows everybody unless told otherwise. `idleTimeout`: the server's, in seconds. */
export function startEdges(
  changes: Partial<EdgeOptions> = {},
  idleTimeout = 10,
): EdgeServerFixture {
  const hub = new ScriptedHub();
  const edges = createClientEdges({
    hub,
    limits: { frameBytes: 524_288, frameBytesBeforeConnect: 65_536, queueBytes: 1_048_576 },
    allowsHost: () => true,
    allowsOrigin: () => true,
    isTrustedGateway: () => false,
    clock: systemClock,
    random: systemRandom,
    log: silent,
    ...changes,
  });
  const server: EdgeServer = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    development: false,
    idleTimeout,
    fetch: (request, server) =>
      edges.fetch(request, server, () => new Response("elsewhere", { status: 404 })),
    websocket: edges.websocket,
  });
  edges.attach(server);
  const port = server.port ?? 0;
  return {
    hub,
    edges,
    server,
    port,
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

/** Socket descriptors of this process. */
export function openSockets(): number {
  return readdirSync("/proc/self/fd").filter((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`).startsWith("socket:");
    } catch {
      return false; // closed meanwhile, such as the one of this listing
    }
  }).length;
}
