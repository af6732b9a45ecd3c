import { machineCpuSeconds } from "./process-stats.ts";

const SAMPLE_MS = 500;
/** Cores that may be in use while nothing is measured. */
const QUIET_CORES = 0.2;

/** Resolves when hardly anything else runs on the machine, or after `patienceSeconds` in any case. */
export async function quietMoment(patienceSeconds: number): Promise<void> {
  const deadline = performance.now() + patienceSeconds * 1_000;
  while (performance.now() < deadline) {
    const before = machineCpuSeconds();
    await Bun.sleep(SAMPLE_MS);
    if ((machineCpuSeconds() - before) / (SAMPLE_MS / 1_000) < QUIET_CORES) return;
  }
}
