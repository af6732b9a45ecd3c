import { describe } from "bun:test";
import { queueStoreFlushContract } from "./queue-store-flush-contract.ts";
import { queueStoreGivenIdContract } from "./queue-store-given-id-contract.ts";
import { queueStoreHomeContract } from "./queue-store-home-contract.ts";
import type { MakeBrokerStoreHarness } from "./queue-store-scenario.ts";
import { queueStoreWindowContract } from "./queue-store-window-contract.ts";

/**
 * What every `QueueStore` keeps. Call inside a test file; each test gets a harness of its own, whose topology store on
 * the same database declares the queues.
 */
export function queueStoreContract(name: string, makeHarness: MakeBrokerStoreHarness): void {
  describe(`queue store contract: ${name}`, () => {
    describe("flushes", () => queueStoreFlushContract(makeHarness));
    describe("incarnations and homes", () => queueStoreHomeContract(makeHarness));
    describe("given ids", () => queueStoreGivenIdContract(makeHarness));
    describe("windows and values", () => queueStoreWindowContract(makeHarness));
  });
}
