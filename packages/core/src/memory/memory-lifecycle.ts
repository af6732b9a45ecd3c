import { SwitchyardError } from "../errors/switchyard-error.ts";
import type { BusEvents } from "../ports/bus.ts";

type Phase =
  | { readonly kind: "idle" }
  | { readonly kind: "running"; readonly events: BusEvents }
  /** Everything but publishing still works, so that connections can be ended in order. */
  | { readonly kind: "draining"; readonly events: BusEvents }
  | { readonly kind: "stopped" };

/** Which calls the memory bus takes at the moment, and whom it tells. */
export class MemoryLifecycle {
  #phase: Phase = { kind: "idle" };

  get isStopped(): boolean {
    return this.#phase.kind === "stopped";
  }

  run(events: BusEvents): void {
    if (this.#phase.kind !== "idle") {
      throw new SwitchyardError("busUnavailable", {
        detail: "the bus was stopped while it started",
      });
    }
    this.#phase = { kind: "running", events };
  }

  /** Idempotent. Returns false when the bus does not run. */
  drain(): boolean {
    if (this.#phase.kind === "running")
      this.#phase = { kind: "draining", events: this.#phase.events };
    return this.#phase.kind === "draining";
  }

  stop(): void {
    this.#phase = { kind: "stopped" };
  }

  /** For calls that need a started bus. Throws `busUnavailable`. */
  started(): BusEvents {
    if (this.#phase.kind === "running" || this.#phase.kind === "draining")
      return this.#phase.events;
    throw new SwitchyardError("busUnavailable", { detail: `the bus is ${this.#phase.kind}` });
  }

  /** For publishes: as `started`, and not draining. */
  publishing(): BusEvents {
    if (this.#phase.kind === "running") return this.#phase.events;
    throw new SwitchyardError("busUnavailable", { detail: `the bus is ${this.#phase.kind}` });
  }
}
