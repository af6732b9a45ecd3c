import {
  type Bus,
  type Clock,
  createMemoryBus,
  Hub,
  HubOperations,
  nodeId,
  type Random,
} from "@switchyard/core";
import { jsonCodec } from "@switchyard/protocol";
import { RecordingFanOut } from "../fan-out/recording-fan-out.ts";
import { SeededRandom } from "../random/seeded-random.ts";
import { FakeClock } from "../time/fake-clock.ts";
import { CountingObserver } from "./counting-observer.ts";
import { type HubOptionChanges, testHubOptions } from "./hub-options.ts";
import { RecordingLog } from "./recording-log.ts";
import { ScriptedAuthenticator } from "./scripted-authenticator.ts";
import { TestClient } from "./test-client.ts";

export interface TestHubParts extends HubOptionChanges {
  readonly clock?: Clock;
  readonly random?: Random;
  /** Default: a memory bus. */
  readonly bus?: Bus;
  readonly authenticator?: ScriptedAuthenticator;
}

/** A hub with everything around it in memory. */
export class TestHub {
  readonly bus: Bus;
  readonly hub: Hub;
  readonly operations: HubOperations;
  readonly observer = new CountingObserver();
  readonly log = new RecordingLog();
  readonly fanOut = new RecordingFanOut();
  readonly authenticator: ScriptedAuthenticator;

  constructor(parts: TestHubParts = {}) {
    const clock = parts.clock ?? new FakeClock();
    const random = parts.random ?? new SeededRandom(1);
    this.bus = parts.bus ?? createMemoryBus({ clock, random, node: nodeId("node-1") });
    this.authenticator = parts.authenticator ?? new ScriptedAuthenticator();
    this.hub = new Hub({
      bus: this.bus,
      authenticator: this.authenticator,
      clock,
      random,
      log: this.log,
      observer: this.observer,
      options: testHubOptions(parts),
    });
    this.operations = new HubOperations(this.hub.services);
  }

  async start(): Promise<this> {
    await this.hub.start();
    return this;
  }

  async stop(): Promise<void> {
    this.hub.stop();
    await this.bus.stop();
  }

  /** A transport has connected; the client has said nothing yet. `trustedUser`: as told by a gateway. */
  open(trustedUser?: string, fanOut = this.fanOut): TestClient {
    const link = fanOut.open();
    const request = {
      requestId: "request-1",
      remoteAddress: "127.0.0.1",
      bearerToken: undefined,
      trustedUser,
    };
    return new TestClient(link, this.hub.open(link, jsonCodec, request));
  }

  /** A client that has completed connect. */
  async connect(trustedUser?: string): Promise<TestClient> {
    const client = this.open(trustedUser);
    await client.ask({ connect: {} });
    return client;
  }

  async publish(channel: string, data: string): Promise<void> {
    const plain = {
      skipHistory: false,
      tags: undefined,
      idempotencyKey: "",
      version: 0,
      versionEpoch: "",
    };
    // Test data is JSON that the test has written.
    await this.operations.publish({ channel, data: data as never, ...plain });
  }
}
