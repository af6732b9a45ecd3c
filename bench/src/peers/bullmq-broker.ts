import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { acceptsConnections } from "./accepts-connections.ts";
import type { BrokerPeer } from "./broker-peer.ts";
import { freePort } from "./free-port.ts";
import { stopProcess } from "./spawn-peer.ts";

const READY_MS = 10_000;

/** A Redis of its own that appends every command to its log, with fsync, before it answers. BullMQ itself is in the generator. */
export const bullmqBroker: BrokerPeer = {
  name: "bullmq",
  label: "BullMQ on Redis",
  searchFrom: 1_000,
  unavailable: () =>
    Bun.which("redis-server") === null
      ? "redis-server is not installed (apt-get install redis-server)"
      : undefined,
  start: async (affinity) => {
    const folder = mkdtempSync(join(tmpdir(), "switchyard-bench-redis-"));
    const port = await freePort();
    const options = {
      port: String(port),
      bind: "127.0.0.1",
      dir: folder,
      save: "",
      appendonly: "yes",
      appendfsync: "always",
      loglevel: "warning",
      "maxmemory-policy": "noeviction",
    };
    const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
    const server = Bun.spawn([...affinity.server, "redis-server", ...flags], {
      cwd: folder,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "inherit",
    });
    const stop = async (): Promise<void> => {
      await stopProcess(server);
      rmSync(folder, { recursive: true, force: true });
    };
    const deadline = performance.now() + READY_MS;
    while (!(await acceptsConnections(port))) {
      if (server.exitCode !== null || performance.now() > deadline) {
        await stop();
        throw new Error("redis-server did not become ready");
      }
      await Bun.sleep(50);
    }
    return {
      pid: server.pid,
      storePid: undefined,
      port,
      dialect: () => ({ kind: "bullmq" }),
      [Symbol.asyncDispose]: stop,
    };
  },
};
