import { SwitchyardError } from "../errors/switchyard-error.ts";
import type { NodeId } from "../ids.ts";
import type { Bus, BusEvents } from "../ports/bus.ts";
import type { Clock } from "../ports/clock.ts";
import type { Random } from "../ports/random.ts";
import type { StreamStore } from "../ports/stream-store.ts";
import { ExpirySweep } from "./expiry-sweep.ts";
import { IdempotencyWindow } from "./idempotency-window.ts";
import { MemoryChannels } from "./memory-channels.ts";
import { MemoryLifecycle } from "./memory-lifecycle.ts";
import { MemoryNodes } from "./memory-nodes.ts";
import { MemoryPresence } from "./memory-presence.ts";
import { MemoryStreams } from "./memory-streams.ts";

export interface MemoryBusOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly node: NodeId;
  /** Where streams survive a planned restart. Without one every start begins new epochs. */
  readonly store?: StreamStore | undefined;
  /** Milliseconds between sweeps. Default 250: with the sweep's budget 100,000 streams are looked at in 6 s. */
  readonly sweepIntervalMs?: number | undefined;
  /**
   * Idempotency keys held at most, about 250 bytes each; above, the oldest is forgotten and counted in the stats.
   * Default 250,000: 830 keyed publishes a second at a window of 5 minutes. 0 turns idempotency off.
   */
  readonly idempotencyKeys?: number | undefined;
  /**
   * Bytes of the retained publications of all channels, roughly; above, the channel that is published to forgets its
   * oldest, which is counted in the stats. Default unbounded.
   */
  readonly historyBytes?: number | undefined;
}

/** Figures for metrics. */
export interface MemoryBusStats {
  readonly streams: number;
  /** In memory, including ended ones that are not swept yet. */
  readonly publications: number;
  /** What those weigh, roughly. */
  readonly historyBytes: number;
  /** Publications forgotten for the bound on bytes, since the start. */
  readonly historyEvictions: number;
  readonly idempotencyKeys: number;
  /** Keys forgotten before their window ended, since the start. */
  readonly idempotencyEvictions: number;
  readonly subscribedChannels: number;
  /** (channel, connection) pairs. */
  readonly presenceEntries: number;
}

export interface MemoryBus extends Bus {
  readonly name: "memory";
  /** O(1). */
  stats(): MemoryBusStats;
}

const defaultSweepIntervalMs = 250;
const defaultIdempotencyKeys = 250_000;
/** Streams and keys looked at per sweep: below a millisecond of work. */
const sweepBudget = 4_000;

/**
 * The bus of a single node, in its memory. What the port leaves open is here immediate: a call's effect and its
 * deliveries have happened when the call returns its promise. Between `drain` and `stop` all but publishing works.
 * After `stop`, `unsubscribe` and `presence.remove` are no-ops and all else rejects with `busUnavailable`.
 */
export function createMemoryBus(options: MemoryBusOptions): MemoryBus {
  const { clock, random, node, store } = options;
  const lifecycle = new MemoryLifecycle();
  const streams = new MemoryStreams(clock, random, options.historyBytes);
  const repeats = new IdempotencyWindow(clock, options.idempotencyKeys ?? defaultIdempotencyKeys);
  const channels = new MemoryChannels(clock, lifecycle, streams, repeats);
  const presence = new MemoryPresence(lifecycle);
  const sweep = new ExpirySweep(clock, options.sweepIntervalMs ?? defaultSweepIntervalMs, () => {
    streams.sweep(sweepBudget);
    repeats.sweep(sweepBudget);
  });
  let starting: Promise<void> | undefined;
  let draining: Promise<void> | undefined;
  let stopping: Promise<void> | undefined;

  const load = async (events: BusEvents): Promise<void> => {
    streams.load((await store?.take()) ?? []);
    lifecycle.run(events);
    sweep.start();
  };

  const save = async (): Promise<void> => {
    if (!lifecycle.drain()) {
      // Still starting: what `take` has removed from the store must be there again before the process ends.
      await starting?.catch(() => undefined);
      // Never started: what the store holds must not be replaced with nothing.
      if (!lifecycle.drain()) return;
    }
    await store?.save(streams.snapshots());
  };

  const end = async (): Promise<void> => {
    lifecycle.stop();
    presence.clear();
    channels.clear();
    await starting?.catch(() => undefined);
    // A save in flight reads the streams.
    await draining?.catch(() => undefined);
    sweep.stop();
    streams.clear();
    repeats.clear();
  };

  return {
    name: "memory",
    channels,
    presence,
    nodes: new MemoryNodes(node, clock, lifecycle),
    async start(events) {
      if (starting !== undefined || lifecycle.isStopped) {
        throw new SwitchyardError("busUnavailable", { detail: "the bus has been started before" });
      }
      starting = load(events);
      await starting;
    },
    async drain() {
      draining ??= save().catch((error: unknown) => {
        // Publishes stay refused; the next call tries to save again.
        draining = undefined;
        throw error;
      });
      await draining;
    },
    async stop() {
      stopping ??= end();
      await stopping;
    },
    async check() {
      lifecycle.started();
    },
    stats: () => ({
      streams: streams.count,
      publications: streams.publications,
      historyBytes: streams.bytes,
      historyEvictions: streams.evictions,
      idempotencyKeys: repeats.count,
      idempotencyEvictions: repeats.evictions,
      subscribedChannels: channels.subscribed,
      presenceEntries: presence.entries,
    }),
  };
}
