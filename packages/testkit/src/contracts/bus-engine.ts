import type { Bus } from "@switchyard/core";

/** How the bus contract makes an engine and what it may expect of it. */
export interface BusEngine {
  readonly capabilities: BusCapabilities;
  create(): Promise<BusFixture>;
}

export interface BusCapabilities {
  /** Buses that `create` joins. Tests of what passes between nodes run with 2. */
  readonly nodes: 1 | 2;
  /** `BusFixture.restarted` gives a bus that goes on with the streams of the one that was drained. */
  readonly survivesDrain: boolean;
  /** Publications of the larger bursts. Default 200. */
  readonly burst?: number | undefined;
}

export interface BusFixture {
  /** One per node, not started. All share channels, presence and requests. */
  readonly nodes: readonly [Bus, ...Bus[]];
  /** Lets `ms` pass for the engine's lives and windows: by its clock when that can be moved, else by waiting. */
  passTime(ms: number): Promise<void>;
  /** Fulfils when nothing that was issued before is in flight any more, deliveries included. */
  quiet(): Promise<void>;
  /**
   * A new bus, not started, in place of `nodes[0]`, which was drained and stopped. Called only with the capability
   * `survivesDrain`.
   */
  restarted(): Promise<Bus>;
  /** Called after the test, when the contract has stopped all buses. */
  dispose(): Promise<void>;
}
