import { describe } from "bun:test";
import type { MakeBrokerStoreHarness } from "./queue-store-scenario.ts";
import { topologyBindingContract } from "./topology-binding-contract.ts";
import { topologyChangeContract } from "./topology-change-contract.ts";
import { topologyDeclareContract } from "./topology-declare-contract.ts";

/** What every `TopologyStore` keeps. Call inside a test file; each test gets a harness of its own. */
export function topologyStoreContract(name: string, makeHarness: MakeBrokerStoreHarness): void {
  describe(`topology store contract: ${name}`, () => {
    describe("declarations", () => topologyDeclareContract(makeHarness));
    describe("bindings", () => topologyBindingContract(makeHarness));
    describe("versions and changes", () => topologyChangeContract(makeHarness));
  });
}
