import { readdir, readFile, readlink } from "node:fs/promises";
import type { RunningServer } from "@switchyard/testkit";

/** What one scrape of /metrics says, by the sample's name with its labels: `name{label="value"}`. */
export type Figures = ReadonlyMap<string, number>;

export async function figures({ url, apiKey }: RunningServer): Promise<Figures> {
  // Of its own connection, which is gone when the sockets of others are counted.
  const headers = { "X-API-Key": apiKey, Connection: "close" };
  const response = await fetch(`${url}/metrics`, { headers });
  if (!response.ok) throw new Error(`/metrics answered ${response.status}`);
  const samples = new Map<string, number>();
  for (const line of (await response.text()).split("\n")) {
    const space = line.lastIndexOf(" ");
    if (line === "" || line.startsWith("#") || space === -1) continue;
    samples.set(line.slice(0, space), Number(line.slice(space + 1)));
  }
  return samples;
}

/** A gauge or counter; a counter that has not counted yet is 0. */
export async function figure(server: RunningServer, name: string): Promise<number> {
  return (await figures(server)).get(name) ?? 0;
}

/** How often connections of WebSocket clients were closed with `code`. */
export function closedWith(code: number): string {
  return `switchyard_connections_closed_total{transport="websocket",code="${code}"}`;
}

/** One call of the server API. Throws when it is refused. */
export async function callApi<Result>(
  { url, apiKey }: RunningServer,
  method: string,
  params: unknown = {},
): Promise<Result> {
  const response = await fetch(`${url}/api/${method}`, {
    method: "POST",
    headers: { "X-API-Key": apiKey, Connection: "close" },
    body: JSON.stringify(params),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} answered ${response.status}: ${text}`);
  // The API's own shape.
  const body = JSON.parse(text) as { readonly result?: Result; readonly error?: unknown };
  if (body.result === undefined) throw new Error(`${method} answered ${text}`);
  return body.result;
}

/** Resident memory in bytes, from the kernel. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kibibytes === undefined) throw new Error(`no resident memory in /proc/${pid}/status`);
  return Number(kibibytes) * 1024;
}

/** Descriptors of connections that `server` has accepted on its port, whatever their state. */
export async function acceptedSockets({ pid, url }: RunningServer): Promise<number> {
  const port = Number(new URL(url).port).toString(16).toUpperCase().padStart(4, "0");
  const accepted = new Set<string>();
  for (const table of ["tcp", "tcp6"]) {
    const rows = (await readFile(`/proc/${pid}/net/${table}`, "utf8")).split("\n").slice(1);
    for (const row of rows) {
      // sl, local_address, rem_address, st, queues, tr, retrnsmt, uid, timeout, inode (proc(5)).
      const columns = row.trim().split(/\s+/);
      const isListening = columns[3] === "0A";
      if (columns[1]?.endsWith(`:${port}`) && !isListening) accepted.add(`socket:[${columns[9]}]`);
    }
  }
  let count = 0;
  for (const descriptor of await readdir(`/proc/${pid}/fd`)) {
    // Descriptors come and go while they are listed.
    const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => "");
    if (accepted.has(target)) count += 1;
  }
  return count;
}

/** All descriptors of a process. */
export async function descriptors(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`)).length;
}

/** Asks until `holds` answers true; throws with the last `seen` after `timeoutMs`. Returns the ms that it took. */
export async function eventually<Seen>(
  what: string,
  timeoutMs: number,
  look: () => Promise<Seen>,
  holds: (seen: Seen) => boolean,
): Promise<number> {
  const began = performance.now();
  for (;;) {
    const seen = await look();
    const passed = performance.now() - began;
    if (holds(seen)) return passed;
    if (passed > timeoutMs)
      throw new Error(`${what}: not within ${timeoutMs} ms, last ${JSON.stringify(seen)}`);
    await Bun.sleep(100);
  }
}

export function mebibytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MiB`;
}
