import type { Log } from "@switchyard/core";
import type { Component } from "./component.ts";
import { type FailedStep, reasonOf, StopError } from "./stop-error.ts";

/**
 * Starts components in order; drains and then stops them in reverse. Every step is attempted, each within what is left
 * of the deadline, and the errors are gathered.
 */
export class Lifecycle {
  readonly #components: readonly Component[];
  readonly #log: Log;
  #started: Component[] = [];

  constructor(components: readonly Component[], log: Log) {
    this.#components = components;
    this.#log = log;
  }

  /** When one does not start, those before it are drained and stopped again, and its error is thrown. */
  async start(): Promise<void> {
    for (const component of this.#components) {
      const began = performance.now();
      try {
        await component.start();
      } catch (error) {
        // What a part has taken into memory is to be there again at the next start.
        await this.#all("drain", performance.now() + failedStartMs);
        await this.#all("stop", performance.now() + failedStartMs);
        throw error;
      }
      this.#started.push(component);
      this.#log.debug(
        { component: component.name, ms: Math.round(performance.now() - began) },
        "started",
      );
    }
  }

  /** `deadlineMs`: for all of it; a tenth is kept for the stops. Throws a StopError of all that went wrong. */
  async stop(deadlineMs: number): Promise<void> {
    const began = performance.now();
    const failures = await this.#all("drain", began + deadlineMs * 0.9);
    failures.push(...(await this.#all("stop", began + deadlineMs)));
    this.#started = [];
    if (failures.length > 0) throw new StopError(failures);
  }

  async #all(step: "drain" | "stop", deadline: number): Promise<FailedStep[]> {
    const failures: FailedStep[] = [];
    for (const component of this.#started.toReversed()) {
      const act = component[step]?.bind(component);
      if (!act) continue;
      const left = Math.max(minimumStepMs, deadline - performance.now());
      try {
        await within(left, act(), "not done in time");
      } catch (error) {
        const loss = step === "drain" ? component.drainLoss : undefined;
        failures.push({ component: component.name, step, error, loss });
        this.#tell(component.name, step, error, loss);
      }
    }
    return failures;
  }

  /** A loss that is known has a cause outside, such as a database that is away: there the stack would hide the line. */
  #tell(component: string, step: string, error: unknown, loss: string | undefined): void {
    if (loss === undefined) {
      this.#log.error({ component, step, err: error }, "a component failed to end");
      return;
    }
    const reason = reasonOf(error);
    this.#log.error({ component, step, reason }, `a component failed to end: ${loss}`);
    this.#log.debug({ component, step, err: error }, "why a component failed to end");
  }
}

const failedStartMs = 10_000;
/** Even past the deadline every component gets a moment: a database that is told to stop in time does. */
const minimumStepMs = 500;

/** `promise`, or a rejection with `message` after `ms`. */
async function within<Value>(ms: number, promise: Promise<Value>, message: string): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(message)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
