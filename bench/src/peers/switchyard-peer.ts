import {
  chmodSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Addressing, Peer } from "./peer.ts";
import { stopProcess } from "./spawn-peer.ts";

const READY_MS = 30_000;
const API_KEY = "bench-api-key-of-24-chars";
const TOKEN_SECRET = "bench-token-secret-of-at-least-32-bytes";
const cli = fileURLToPath(new URL("../../../packages/server/src/cli.ts", import.meta.url));

const NAMESPACE_OF: Readonly<Record<Addressing, string>> = {
  channel: "bench",
  personal: "bench",
  presence: "presence",
  history: "history",
};

/** Defaults of production, but for what one generator must be allowed to do, and silence. */
function configuration(port: number, dataDir: string, addressing: Addressing): unknown {
  const open = {
    allow_subscribe_for_client: true,
    allow_publish_for_client: true,
    publications_per_second: 0,
  };
  return {
    http: { address: "127.0.0.1", port },
    data_dir: dataDir,
    api: { key: [API_KEY] },
    token: { secret: TOKEN_SECRET },
    client: {
      // The figure is for one subscription; a personal channel would be a second.
      personal_channel: addressing !== "presence",
      limits: { commands_per_second: 0 },
    },
    channel: {
      namespaces: [
        { name: "bench", ...open },
        { name: "presence", ...open, presence: true },
        { name: "history", ...open, history_size: 100, history_ttl: "60s", force_recovery: true },
      ],
    },
    shutdown: { spread: "0s" },
    log: { level: "warn" },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => {
        if (address !== null && typeof address === "object") resolve(address.port);
        else reject(new Error("no free port"));
      });
    });
  });
}

async function isReady(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/health/ready`, {
      signal: AbortSignal.timeout(2_000),
    });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

/** The whole server as a user starts it, with a data directory of its own, without `--dev`. */
export function createSwitchyardPeer(publishVia: "http" | "websocket"): Peer {
  return {
    name: "switchyard",
    label: "Switchyard",
    searchFrom: 2_000,
    unavailable: () => (existsSync(cli) ? undefined : "packages/server/src/cli.ts does not exist"),
    start: async (prefix, addressing) => {
      const folder = mkdtempSync(join(tmpdir(), "switchyard-bench-"));
      // The embedded PostgreSQL may run as another user (as root it must), who has to reach its data.
      chmodSync(folder, 0o755);
      const port = await freePort();
      const configPath = join(folder, "switchyard.yaml");
      const logPath = join(folder, "server.log");
      // JSON is YAML.
      writeFileSync(
        configPath,
        JSON.stringify(configuration(port, join(folder, "data"), addressing), undefined, 2),
      );
      const log = openSync(logPath, "w");
      const child = Bun.spawn([...prefix, process.execPath, cli, "serve", "--config", configPath], {
        stdin: "ignore",
        stdout: log,
        stderr: log,
      });
      closeSync(log);
      const stop = async (): Promise<void> => {
        await stopProcess(child);
        rmSync(folder, { recursive: true, force: true });
      };
      const deadline = performance.now() + READY_MS;
      while (!(await isReady(port))) {
        if (child.exitCode !== null || performance.now() > deadline) {
          const said = readFileSync(logPath, "utf8").slice(-1_500);
          await stop();
          throw new Error(`the server did not become ready: ${said}`);
        }
        await Bun.sleep(50);
      }
      return {
        pid: child.pid,
        port,
        dialect: {
          kind: "switchyard",
          apiKey: API_KEY,
          tokenSecret: TOKEN_SECRET,
          addressing: addressing === "personal" ? "personal" : "channel",
          namespace: NAMESPACE_OF[addressing],
          publishVia,
        },
        [Symbol.asyncDispose]: stop,
      };
    },
  };
}
