import { Session } from "node:inspector";

export const longestCpuProfileSeconds = 120;

/** The heap in V8's format, for the memory panel of a browser's developer tools. Stops the world while it is written. */
export function heapSnapshot(): string {
  Bun.gc(true);
  return Bun.generateHeapSnapshot("v8");
}

/** A sampled CPU profile of the next `seconds`, in the format of the developer tools. One at a time. */
export async function cpuProfile(seconds: number, signal: AbortSignal): Promise<string> {
  const session = new Session();
  session.connect();
  try {
    await post(session, "Profiler.enable");
    await post(session, "Profiler.start");
    await delay(seconds * 1000, signal);
    return JSON.stringify((await post(session, "Profiler.stop")).profile);
  } finally {
    session.disconnect();
  }
}

function post(session: Session, method: string): Promise<{ profile?: unknown }> {
  return new Promise((resolve, reject) => {
    session.post(method, (error, result) => (error ? reject(error) : resolve(result ?? {})));
  });
}

function delay(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
