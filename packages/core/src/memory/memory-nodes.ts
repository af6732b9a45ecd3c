import { SwitchyardError } from "../errors/switchyard-error.ts";
import type { NodeAnswer, NodeRequest } from "../hub/node-request.ts";
import type { NodeId } from "../ids.ts";
import type { AskOptions, NodeBus } from "../ports/bus.ts";
import type { Clock } from "../ports/clock.ts";
import type { MemoryLifecycle } from "./memory-lifecycle.ts";

/** A cluster of one: every request is answered by this node itself. */
export class MemoryNodes implements NodeBus {
  readonly self: NodeId;
  readonly #clock: Clock;
  readonly #lifecycle: MemoryLifecycle;

  constructor(self: NodeId, clock: Clock, lifecycle: MemoryLifecycle) {
    this.self = self;
    this.#clock = clock;
    this.#lifecycle = lifecycle;
  }

  async ask(
    target: NodeId | "all",
    request: NodeRequest,
    { timeoutMs }: AskOptions,
  ): Promise<readonly NodeAnswer[]> {
    const events = this.#lifecycle.started();
    if (target !== "all" && target !== this.self) {
      throw new SwitchyardError("nodeUnknown", { detail: "no such node" });
    }
    const { promise: timeout, reject } = Promise.withResolvers<never>();
    const timer = this.#clock.after(timeoutMs, () => {
      reject(new SwitchyardError("nodeUnavailable"));
    });
    try {
      return [await Promise.race([events.request(request), timeout])];
    } finally {
      timer.cancel();
    }
  }
}
