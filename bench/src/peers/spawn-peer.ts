import { linesOf } from "../lines-of.ts";

const START_MS = 15_000;
const STOP_MS = 8_000;

/** A server process that prints `listening PORT` once it accepts connections. */
export async function spawnListening(
  command: readonly string[],
): Promise<{ readonly pid: number; readonly port: number } & AsyncDisposable> {
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  const timer = setTimeout(() => child.kill("SIGKILL"), START_MS);
  try {
    for await (const line of linesOf(child.stdout)) {
      const port = /^listening (\d+)$/.exec(line)?.[1];
      if (port !== undefined)
        return {
          pid: child.pid,
          port: Number(port),
          [Symbol.asyncDispose]: () => stopProcess(child),
        };
    }
  } finally {
    clearTimeout(timer);
  }
  await stopProcess(child);
  throw new Error(`${command.join(" ")} ended without listening`);
}

/** SIGTERM, then SIGKILL when it is still there after 8 s. Resolves when the process is gone. */
export async function stopProcess(child: Pick<Bun.Subprocess, "kill" | "exited">): Promise<void> {
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  await child.exited;
  clearTimeout(timer);
}
