import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export interface StartServerOptions {
  /** More flags of `switchyard serve`. Always given: a free HTTP port, the data directory, JSON logs. */
  readonly args?: readonly string[];
  /** Over the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** `--dev`. Default true. */
  readonly dev?: boolean;
  /** Of an earlier server, to start again on it; it is then kept at the end. Default: a new one, which is removed. */
  readonly dataDir?: string;
  /** YAML of the configuration, written into the data directory. */
  readonly config?: string;
  /** Put before the command, such as `["taskset", "-c", "0"]`. */
  readonly prefix?: readonly string[];
  /** Until it is ready. Default 60 s: the first start makes a database. */
  readonly timeoutMs?: number;
}

/** A running `switchyard serve`. Disposing stops it and removes what it leaves. */
export interface RunningServer extends AsyncDisposable {
  /** Such as http://127.0.0.1:40123. */
  readonly url: string;
  readonly port: number;
  readonly apiKey: string;
  readonly tokenSecret: string;
  readonly dataDir: string;
  /** Of the server, or of the first word of `prefix` (taskset becomes the server). */
  readonly pid: number;
  /** `POST /api/<method>`; the parsed answer. Throws for other statuses than 200. */
  api(method: string, body: unknown): Promise<unknown>;
  /** Everything that it has written to standard error so far. */
  log(): string;
  /** Sends `signal` (default SIGTERM) and waits for the end. Returns the exit code; undefined when a signal ended it. Idempotent. */
  stop(signal?: NodeJS.Signals): Promise<number | undefined>;
  /** SIGKILL to the server alone: its embedded PostgreSQL lives on, until another server adopts it or this is disposed. */
  kill(): Promise<void>;
}

const cli = fileURLToPath(new URL("../../../server/src/cli.ts", import.meta.url));

/** Starts the real server as a process and waits until it is ready. Throws with its log when it does not come up. */
export async function startServer(options: StartServerOptions = {}): Promise<RunningServer> {
  const { args = [], env = {}, dev = true, timeoutMs = 60_000 } = options;
  const dataDir = options.dataDir ?? (await makeDataDirectory());
  const flags = [
    "serve",
    ...(dev ? ["--dev"] : []),
    "--http-port",
    "0",
    "--data-dir",
    dataDir,
    "--log-format",
    "json",
  ];
  if (options.config !== undefined) {
    const file = join(dataDir, "switchyard.test.yaml");
    await writeFile(file, options.config);
    flags.push("--config", file);
  }
  const [program = process.execPath, ...words] = [
    ...(options.prefix ?? []),
    process.execPath,
    cli,
    ...flags,
    ...args,
  ];
  const child = spawn(program, words, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const exited = once(child, "exit");
  let log = "";
  let readyUrl: string | undefined;
  const ready = new Promise<void>((resolve) => {
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      log += chunk;
      readyUrl ??= findReadyUrl(log);
      if (readyUrl !== undefined) resolve();
    });
  });

  const stop = async (signal: NodeJS.Signals = "SIGTERM"): Promise<number | undefined> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await exited;
    return child.exitCode ?? undefined;
  };
  const dispose = async (): Promise<void> => {
    await stop();
    await endDatabase(dataDir);
    if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
  };

  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeoutMs);
  await Promise.race([ready, exited, once(late.signal, "abort")]);
  clearTimeout(timer);
  const url = readyUrl;
  if (url === undefined) {
    await stop("SIGKILL");
    await dispose();
    throw new Error(
      `The server was not ready within ${timeoutMs} ms, or ended before. Its log:\n${log}`,
    );
  }
  const secrets = await readSecrets(dataDir);
  const apiKey =
    env["SWITCHYARD_API_KEY"] ?? process.env["SWITCHYARD_API_KEY"] ?? secrets.apiKey ?? "";
  return {
    url,
    port: Number(new URL(url).port),
    apiKey,
    tokenSecret: env["SWITCHYARD_TOKEN_SECRET"] ?? secrets.tokenSecret ?? "",
    api: (method, body) => callApi(`${url}/api/${method}`, apiKey, body),
    dataDir,
    pid: child.pid ?? 0,
    log: () => log,
    stop,
    kill: async () => {
      await stop("SIGKILL");
    },
    [Symbol.asyncDispose]: dispose,
  };
}

/** From the line that the server logs when it takes connections. */
function findReadyUrl(log: string): string | undefined {
  for (const line of log.split("\n").slice(0, -1)) {
    if (!line.includes('"msg":"ready"')) continue;
    // Written by the server's own logger.
    return (JSON.parse(line) as { readonly url: string }).url;
  }
  return undefined;
}

interface Secrets {
  readonly apiKey?: string;
  readonly tokenSecret?: string;
}

/** What the server has generated on its first start; nothing when all secrets were given. */
async function readSecrets(dataDir: string): Promise<Secrets> {
  const text = await readFile(join(dataDir, "secrets.json"), "utf8").catch(() => "{}");
  // Written by the server.
  return JSON.parse(text) as Secrets;
}

async function callApi(url: string, apiKey: string, body: unknown): Promise<unknown> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "X-API-Key": apiKey },
    body: JSON.stringify(body),
  });
  if (response.status !== 200) throw new Error(`${url} answered ${response.status}`);
  return response.json();
}

/** Every user must be able to pass through it: under root, PostgreSQL runs as another one. */
async function makeDataDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "switchyard-server-"));
  await chmod(directory, 0o755);
  return directory;
}

/** Ends the PostgreSQL that a killed server has left, at once: its data is thrown away or was never in doubt. */
async function endDatabase(dataDir: string): Promise<void> {
  const text = await readFile(join(dataDir, "postgres", "cluster", "postmaster.pid"), "utf8").catch(
    () => "",
  );
  const pid = Number(text.split("\n", 1)[0]);
  if (!Number.isInteger(pid) || pid <= 0) return;
  const isAlive = (): boolean => {
    try {
      return process.kill(pid, "SIGQUIT"); // immediate shutdown
    } catch {
      return false;
    }
  };
  while (isAlive()) await Bun.sleep(20);
}
