export { type DelayOptions } from "./bus/delays.ts";
export { InMemoryStreamStore } from "./bus/in-memory-stream-store.ts";
export { joinNodes, type JoinOptions } from "./bus/join-nodes.ts";
export { withDelays } from "./bus/with-delays.ts";
export { type BusOperation, type FaultyBus, withFaults } from "./bus/with-faults.ts";
export { type LossOptions, type LossyBus, withLoss } from "./bus/with-loss.ts";
export { busContract } from "./contracts/bus-contract.ts";
export type { BusCapabilities, BusEngine, BusFixture } from "./contracts/bus-engine.ts";
export { BusRecorder, type ReceivedPublication } from "./contracts/bus-recorder.ts";
export {
  fanOutContract,
  type FanOutEngine,
  type FanOutFixture,
  type LinkPeer,
} from "./contracts/fan-out-contract.ts";
export { queueStoreContract } from "./contracts/queue-store-contract.ts";
export type { BrokerStoreHarness, BrokerStores } from "./contracts/queue-store-scenario.ts";
export { streamStoreContract, type StreamStoreHarness } from "./contracts/stream-store-contract.ts";
export { topologyStoreContract } from "./contracts/topology-store-contract.ts";
export { RecordingFanOut, type RecordingFanOutOptions } from "./fan-out/recording-fan-out.ts";
export { RecordingLink } from "./fan-out/recording-link.ts";
export { InMemoryBrokerDatabase } from "./queues/in-memory-broker-database.ts";
export { InMemoryQueueStore } from "./queues/in-memory-queue-store.ts";
export { InMemoryTopologyStore } from "./queues/in-memory-topology-store.ts";
export {
  type FaultyQueueStore,
  type FlushFault,
  type QueueStoreFaultOptions,
  type QueueStoreOperation,
  withQueueStoreFaults,
} from "./queues/with-queue-store-faults.ts";
export { fuzzSeeds } from "./random/fuzz-seeds.ts";
export { SeededRandom } from "./random/seeded-random.ts";
export { FakeClock } from "./time/fake-clock.ts";
export { turn } from "./time/turn.ts";
export { TurnClock } from "./time/turn-clock.ts";
export { CountingObserver } from "./hub/counting-observer.ts";
export {
  closedNamespace,
  type HubOptionChanges,
  openNamespace,
  testHubOptions,
} from "./hub/hub-options.ts";
export { type LogLine, RecordingLog } from "./hub/recording-log.ts";
export { ModelClient } from "./hub/model-client.ts";
export { ScriptedAuthenticator } from "./hub/scripted-authenticator.ts";
export { type ServerMessage, TestClient } from "./hub/test-client.ts";
export { TestHub, type TestHubParts } from "./hub/test-hub.ts";
export { CutProxy } from "./network/cut-proxy.ts";
export {
  type RunningServer,
  startServer,
  type StartServerOptions,
} from "./processes/start-server.ts";
