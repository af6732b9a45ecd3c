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
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "./free-port.ts";
import { stopProcess } from "./spawn-peer.ts";

const READY_MS = 30_000;
export const API_KEY = "bench-api-key-of-24-chars";
export const TOKEN_SECRET = "bench-token-secret-of-at-least-32-bytes";
const cli = fileURLToPath(new URL("../../../packages/server/src/cli.ts", import.meta.url));

/** Why the server cannot run here, or undefined. */
export function switchyardUnavailable(): string | undefined {
  return existsSync(cli) ? undefined : "packages/server/src/cli.ts does not exist";
}

interface RunningServer extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  /** Holds the embedded PostgreSQL's data too. */
  readonly dataDir: string;
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

/**
 * The whole server as a user starts it, with a data directory of its own, without `--dev`: defaults of production, but for
 * silence and `more`.
 * @throws Error when it does not become ready.
 */
export async function startSwitchyard(
  prefix: readonly string[],
  more: Readonly<Record<string, unknown>>,
): Promise<RunningServer> {
  const folder = mkdtempSync(join(tmpdir(), "switchyard-bench-"));
  // The embedded PostgreSQL may run as another user (as root it must), who has to reach its data.
  chmodSync(folder, 0o755);
  const port = await freePort();
  const dataDir = join(folder, "data");
  const configPath = join(folder, "switchyard.yaml");
  const logPath = join(folder, "server.log");
  const configuration = {
    http: { address: "127.0.0.1", port },
    data_dir: dataDir,
    api: { key: [API_KEY] },
    token: { secret: TOKEN_SECRET },
    shutdown: { spread: "0s" },
    log: { level: "warn" },
    ...more,
  };
  // JSON is YAML.
  writeFileSync(configPath, JSON.stringify(configuration, undefined, 2));
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
  return { pid: child.pid, port, dataDir, [Symbol.asyncDispose]: stop };
}
