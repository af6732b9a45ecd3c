import { describe } from "bun:test";
import { busDeliveryContract } from "./bus-delivery-contract.ts";
import type { BusEngine } from "./bus-engine.ts";
import { busHistoryContract } from "./bus-history-contract.ts";
import { busLifecycleContract } from "./bus-lifecycle-contract.ts";
import { busNodesContract } from "./bus-nodes-contract.ts";
import { busPayloadContract } from "./bus-payload-contract.ts";
import { busRepeatContract } from "./bus-repeat-contract.ts";

/**
 * All that the port `Bus` promises, as tests. An engine runs it so:
 *
 *     busContract("memory bus", { capabilities: { nodes: 1, survivesDrain: true }, create: async () => fixture });
 */
export function busContract(name: string, engine: BusEngine): void {
  describe(name, () => {
    describe("streams and history", () => busHistoryContract(engine));
    describe("delivery", () => busDeliveryContract(engine));
    describe("payloads and names", () => busPayloadContract(engine));
    describe("repeats and versions", () => busRepeatContract(engine));
    describe("presence, announcements, requests", () => busNodesContract(engine));
    describe("lifecycle", () => busLifecycleContract(engine));
  });
}
