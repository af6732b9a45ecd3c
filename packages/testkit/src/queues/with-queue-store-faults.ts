import { type Clock, type Flush, type QueueStore, SwitchyardError } from "@switchyard/core";
import { Delays } from "../bus/delays.ts";
import type { SeededRandom } from "../random/seeded-random.ts";

export type QueueStoreOperation = keyof QueueStore;

/**
 * What becomes of a flush that rejects with `storeUnavailable`. `refused`: nothing. `lost`: it is committed, its answer
 * is not heard. `stuck`: it is held up on its way and runs late, when its repetition may have been applied.
 */
export type FlushFault = "refused" | "lost" | "stuck";

export interface QueueStoreFaultOptions {
  /** Where delays pass: a `FakeClock` that the test moves, or a `TurnClock` that moves by itself. */
  readonly clock: Clock;
  /** Longest delay before an operation takes effect, and again before it is answered. Default: none at all. */
  readonly maxDelayMs?: number | undefined;
  /** How probable each fault is for each flush, 0 to 1 together. Default: never. */
  readonly chances?: Readonly<Partial<Record<FlushFault, number>>> | undefined;
  /** Longest time for which a flush is stuck. Default: until `releaseStuck`. */
  readonly maxStuckMs?: number | undefined;
}

/**
 * `store` whose operations a test can make fail or wait. To fence its user, take over the same node on the store itself;
 * to lose transient messages, tell the database (`wipeTransient`).
 */
export interface FaultyQueueStore extends QueueStore {
  /** From now on every operation rejects with `storeUnavailable`; those under way too, when they have taken effect. */
  goAway(): void;
  comeBack(): void;
  /** The next flushes that have no fault yet get these, in order, before any chance is drawn. */
  faultNextFlushes(...faults: readonly FlushFault[]): void;
  /** No chance brings a fault any more, and none is due. Stuck flushes stay so. */
  heal(): void;
  /** From now on calls of `operation` wait before they take effect; the function that is returned lets them go on. */
  hold(operation: QueueStoreOperation): () => void;
  /** As `hold`, after the effect and before the answer. */
  holdAnswer(operation: QueueStoreOperation): () => void;
  /** Flushes that are held up. */
  readonly stuck: number;
  /** Runs them all, late; fulfils when they have had what effect they have. */
  releaseStuck(): Promise<void>;
  /** Every flush that was sent, in order, faulty ones and repetitions included. */
  readonly flushes: readonly Flush[];
  /** Calls of `operation` so far, failed and waiting ones included. */
  calls(operation: QueueStoreOperation): number;
}

export function withQueueStoreFaults(
  store: QueueStore,
  random: SeededRandom,
  options: QueueStoreFaultOptions,
): FaultyQueueStore {
  const { clock, maxDelayMs, maxStuckMs } = options;
  const delays = maxDelayMs === undefined ? undefined : new Delays({ clock, random, maxDelayMs });
  const holds = new Map<string, Promise<void>>();
  const calls = new Map<QueueStoreOperation, number>();
  const due: FlushFault[] = [];
  const stuck = new Set<Flush>();
  const flushes: Flush[] = [];
  let chances = options.chances ?? {};
  let away = false;

  const reach = (): void => {
    if (away) throw new SwitchyardError("storeUnavailable");
  };
  const through = async <Result>(
    operation: QueueStoreOperation,
    run: () => Promise<Result>,
  ): Promise<Result> => {
    calls.set(operation, (calls.get(operation) ?? 0) + 1);
    await holds.get(`before ${operation}`);
    await delays?.pass();
    reach();
    const result = await run();
    await holds.get(`after ${operation}`);
    await delays?.pass();
    reach();
    return result;
  };
  const hold = (name: string): (() => void) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    holds.set(name, promise);
    return () => {
      if (holds.get(name) === promise) holds.delete(name);
      resolve();
    };
  };
  const nextFault = (): FlushFault | undefined => {
    const scripted = due.shift();
    if (scripted !== undefined) return scripted;
    let draw = random.next();
    for (const fault of ["refused", "lost", "stuck"] as const) {
      draw -= chances[fault] ?? 0;
      if (draw < 0) return fault;
    }
    return undefined;
  };
  const runLate = async (flush: Flush): Promise<void> => {
    if (!stuck.delete(flush)) return;
    // Nobody hears the answer of a late copy.
    await store.flush(flush).catch(() => undefined);
  };
  const flush: QueueStore["flush"] = async (given) => {
    const fault = nextFault();
    if (fault === "refused") throw new SwitchyardError("storeUnavailable");
    if (fault === "stuck") {
      // A copy of its own, so that one flush may be stuck twice.
      const copy = { ...given };
      stuck.add(copy);
      if (maxStuckMs !== undefined)
        clock.after(random.int(maxStuckMs + 1), () => void runLate(copy));
      throw new SwitchyardError("storeUnavailable");
    }
    const outcome = await store.flush(given);
    if (fault === "lost") throw new SwitchyardError("storeUnavailable");
    return outcome;
  };

  return {
    takeOver: (...args) => through("takeOver", () => store.takeOver(...args)),
    takeHomes: (...args) => through("takeHomes", () => store.takeHomes(...args)),
    renew: (...args) => through("renew", () => store.renew(...args)),
    flush(given) {
      flushes.push(given);
      return through("flush", () => flush(given));
    },
    load: (...args) => through("load", () => store.load(...args)),
    loadDelayed: (...args) => through("loadDelayed", () => store.loadDelayed(...args)),
    forgetIds: () => through("forgetIds", () => store.forgetIds()),
    goAway() {
      away = true;
    },
    comeBack() {
      away = false;
    },
    faultNextFlushes: (...faults) => void due.push(...faults),
    heal() {
      chances = {};
      due.length = 0;
    },
    hold: (operation) => hold(`before ${operation}`),
    holdAnswer: (operation) => hold(`after ${operation}`),
    get stuck() {
      return stuck.size;
    },
    async releaseStuck() {
      for (const late of [...stuck]) await runLate(late);
    },
    flushes,
    calls: (operation) => calls.get(operation) ?? 0,
  };
}
