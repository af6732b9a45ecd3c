import type { Clock } from "../ports/clock.ts";
import type { Random } from "../ports/random.ts";

const firstMs = 20;
const longestMs = 1_000;

/** Waits before attempt `attempt` + 1 at the store: 20 ms, doubled up to a second, less up to half of it. */
export function backOff(
  attempt: number,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
): Promise<void> {
  const bound = Math.min(longestMs, firstMs * 2 ** Math.min(attempt - 1, 10));
  const { promise, resolve } = Promise.withResolvers<void>();
  clock.after(bound * (1 - random.next() / 2), resolve);
  return promise;
}
