import type { Random } from "../ports/random.ts";
import type { RetryPolicy } from "../ports/topology-store.ts";

/** Milliseconds before the message that has failed `attempts` times is ready again. */
export function retryDelayMs(policy: RetryPolicy, attempts: number, random: Random): number {
  const bound = Math.min(policy.maximumMs, policy.initialMs * 2 ** Math.min(attempts - 1, 40));
  const jitter = 1 + policy.jitter * (random.next() * 2 - 1);
  return Math.round(bound * jitter);
}
