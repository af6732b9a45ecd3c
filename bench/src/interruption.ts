/** Aborted by the first SIGINT or SIGTERM, so that a scenario can take its servers and folders down before it ends. */
export function listenForInterruption(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => controller.abort());
  }
  return controller.signal;
}
