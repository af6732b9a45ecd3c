import { test } from "bun:test";
import {
  type Bus,
  type ChannelName,
  channelName,
  type ClientInfo,
  type HistoryPage,
  type HistoryQuery,
  type PublishOptions,
  type PublishResult,
  type Retention,
} from "@switchyard/core";
import { type Payload, toJsonText } from "@switchyard/protocol";
import type { BusEngine, BusFixture } from "./bus-engine.ts";
import { BusRecorder } from "./bus-recorder.ts";

/** Long enough that nothing ends by itself in a test that does not pass time. */
export const longRetention: Retention = { size: 1_000, ttlMs: 60_000, metaTtlMs: 600_000 };

/** One test's bus: started nodes with their recorders, and the calls in short form. */
export interface BusScenario {
  readonly fixture: BusFixture;
  readonly bus: Bus;
  readonly recorder: BusRecorder;
  /** The second node; the first when there is only one. */
  readonly other: Bus;
  readonly otherRecorder: BusRecorder;
  /** Not used by any other test, also when they share a server. */
  readonly channel: (name?: string) => ChannelName;
  readonly publish: (
    channel: ChannelName,
    data: unknown,
    options?: Partial<PublishOptions>,
  ) => Promise<PublishResult>;
  readonly publishPayload: (
    channel: ChannelName,
    data: Payload,
    options?: Partial<PublishOptions>,
  ) => Promise<PublishResult>;
  readonly history: (channel: ChannelName, query?: Partial<HistoryQuery>) => Promise<HistoryPage>;
  /** Starts `bus` and stops it after the test. */
  readonly start: (bus: Bus) => Promise<BusRecorder>;
}

/** Registers a test that gets started buses, and stops them whatever happens. */
export function busTest(
  engine: BusEngine,
  title: string,
  body: (scenario: BusScenario) => Promise<void>,
): void {
  test(title, async () => {
    const fixture = await engine.create();
    const started: Bus[] = [];
    const start = async (bus: Bus): Promise<BusRecorder> => {
      const recorder = new BusRecorder();
      started.push(bus);
      await bus.start(recorder);
      return recorder;
    };
    try {
      const [bus, second] = fixture.nodes;
      const recorder = await start(bus);
      const otherRecorder = second === undefined ? recorder : await start(second);
      await body(scenario(fixture, { bus, recorder, other: second ?? bus, otherRecorder, start }));
    } finally {
      for (const bus of started) await bus.stop();
      await fixture.dispose();
    }
  });
}

type Nodes = Pick<BusScenario, "bus" | "recorder" | "other" | "otherRecorder" | "start">;

function scenario(fixture: BusFixture, nodes: Nodes): BusScenario {
  const { bus } = nodes;
  const publishPayload: BusScenario["publishPayload"] = (channel, data, options) =>
    bus.channels.publish(
      channel,
      { data, info: undefined, tags: undefined },
      publishOptions(options),
    );
  return {
    ...nodes,
    fixture,
    channel: (name = "room") => channelName(`${name}:${crypto.randomUUID()}`),
    publishPayload,
    publish: (channel, data, options) => publishPayload(channel, toJsonText(data), options),
    history: (channel, query) => bus.channels.history(channel, historyQuery(query)),
  };
}

export function publishOptions(options: Partial<PublishOptions> = {}): PublishOptions {
  return {
    retention: longRetention,
    idempotency: undefined,
    version: 0,
    versionEpoch: "",
    ...options,
  };
}

export function historyQuery(query: Partial<HistoryQuery> = {}): HistoryQuery {
  return { since: undefined, limit: "all", reverse: false, retention: longRetention, ...query };
}

export function clientInfo(client: string, user = `user of ${client}`): ClientInfo {
  return { user, client, connInfo: undefined, chanInfo: undefined };
}

export function offsets(page: HistoryPage): readonly number[] {
  return page.publications.map((publication) => publication.offset);
}

/** 1 … n. */
export function numbers(n: number): readonly number[] {
  return Array.from({ length: n }, (_, index) => index + 1);
}
