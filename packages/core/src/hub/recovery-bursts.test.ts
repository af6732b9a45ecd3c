import { afterEach, expect, test } from "bun:test";
import {
  FakeClock,
  RecordingFanOut,
  type ServerMessage,
  type TestClient,
  TestHub,
  turn,
} from "@switchyard/testkit";

const hubs: TestHub[] = [];
afterEach(async () => {
  for (const hub of hubs.splice(0)) await hub.stop();
});

const queueBytes = 8_000;
const channels = ["a", "b", "c", "d", "e", "f"];
/** One of them is below the half of the queue that a recovery may take; six are above the whole. */
const missed = JSON.stringify("x".repeat(3_000));

interface Setting {
  readonly hub: TestHub;
  readonly clock: FakeClock;
  readonly epochs: ReadonlyMap<string, string>;
  /** Its peer takes nothing until told to. */
  readonly client: TestClient;
}

async function setting(): Promise<Setting> {
  const clock = new FakeClock();
  const hub = await new TestHub({ clock, limits: { queueBytes, pauseBytes: 2_000 } }).start();
  hubs.push(hub);
  const epochs = new Map<string, string>();
  for (const channel of channels) {
    await hub.publish(channel, "1");
    await hub.publish(channel, missed);
    const query = { channel, limit: 0, since: undefined, reverse: false };
    epochs.set(channel, (await hub.operations.history(query)).top.epoch);
  }
  const client = hub.open(undefined, new RecordingFanOut({ queueBytes }));
  client.link.stopReading();
  return { hub, clock, epochs, client };
}

async function settled(): Promise<void> {
  for (let turns = 0; turns < 20; turns += 1) await turn();
}

/** The peer takes what has been sent, and nothing after it. */
async function read({ client }: Setting): Promise<void> {
  client.link.resumeReading();
  client.link.stopReading();
  client.connection.drained();
  await settled();
}

function askToRecover({ client, epochs }: Setting): void {
  client.send(
    { connect: {} },
    ...channels.map((channel) => ({
      subscribe: { channel, recover: true, offset: 1, epoch: epochs.get(channel) },
    })),
  );
}

const outcomes = (client: TestClient): unknown[] =>
  client.messages.flatMap(({ subscribe }: ServerMessage) => {
    const result = subscribe as { readonly recovered?: boolean } | undefined;
    return result ? [result.recovered ?? false] : [];
  });

test("recoveries of several channels wait for a reader that takes its time, and come in full", async () => {
  const given = await setting();
  askToRecover(given);
  await settled();
  for (const _ of channels) {
    expect(given.client.link.isOpen).toBe(true);
    await read(given);
  }
  expect(outcomes(given.client)).toEqual(channels.map(() => true));
});

test("live publications follow a recovery that had to wait, without a gap", async () => {
  const given = await setting();
  askToRecover(given);
  await settled();
  for (const channel of channels) await given.hub.publish(channel, "3");
  for (const _ of channels) await read(given);
  const offsets = channels.map((channel) =>
    given.client.messages.flatMap((message) => {
      const { push } = message as {
        readonly push?: { readonly channel: string; readonly pub?: { readonly offset: number } };
      };
      return push?.channel === channel && push.pub ? [push.pub.offset] : [];
    }),
  );
  const replied = given.client.messages.flatMap(({ subscribe }) => {
    const result = subscribe as
      | { readonly publications?: readonly { readonly offset: number }[] }
      | undefined;
    return result?.publications ? [result.publications.map(({ offset }) => offset)] : [];
  });
  expect(replied.map((own, at) => [...own, ...(offsets[at] ?? [])])).toEqual(
    channels.map(() => [2, 3]),
  );
});

test("a client that goes away while its recoveries wait leaves nothing behind", async () => {
  const given = await setting();
  askToRecover(given);
  await settled();
  given.client.vanish();
  await settled();
  const { services } = given.hub.hub;
  expect([services.connections.size, services.channels.size]).toEqual([0, 0]);
});

test("a link that never says it has drained is asked again", async () => {
  const given = await setting();
  askToRecover(given);
  await settled();
  for (const _ of channels) {
    given.client.link.resumeReading();
    given.client.link.stopReading();
    given.clock.advanceNow(1_000);
    await settled();
  }
  expect(outcomes(given.client)).toEqual(channels.map(() => true));
});

test("server-side subscriptions recover within half the queue together; the rest follows as pushes", async () => {
  const given = await setting();
  const none = { info: undefined, data: undefined, override };
  given.hub.authenticator.issueConnection("t", {
    user: "ann",
    subscriptions: new Map(channels.map((channel) => [channel, none])),
  });
  const subs = Object.fromEntries(
    channels.map((channel) => [
      channel,
      { recover: true, offset: 1, epoch: given.epochs.get(channel) },
    ]),
  );
  given.client.send({ connect: { token: "t", subs } });
  await settled();
  for (const _ of channels) {
    expect(given.client.link.isOpen).toBe(true);
    await read(given);
  }
  const connect = given.client.messages.find(({ id }) => id === 1)?.["connect"] as {
    readonly subs: Readonly<
      Record<string, { readonly recovered?: boolean; readonly publications?: readonly unknown[] }>
    >;
  };
  const results = Object.values(connect.subs);
  expect(results.map(({ recovered = false }) => recovered)).toEqual(channels.map(() => true));
  expect(results.map(({ publications = [] }) => publications.length)).toEqual([1, 0, 0, 0, 0, 0]);
  const pushed = channels.map((channel) => given.client.publications(channel));
  expect(pushed).toEqual([[], ...channels.slice(1).map(() => ["x".repeat(3_000)])]);
});

test("a history reply takes half the queue at most, and one publication at least", async () => {
  const given = await setting();
  const { hub, client } = given;
  await hub.publish("a", missed);
  await hub.publish("a", JSON.stringify("y".repeat(5_000)));
  const read = async (request: object): Promise<unknown> => {
    const reply = await client.ask({ history: { channel: "a", limit: -1, ...request } });
    const { publications, offset } = reply["history"] as {
      readonly publications: readonly { readonly offset: number }[];
      readonly offset: number;
    };
    return [publications.map((publication) => publication.offset), offset];
  };
  client.link.resumeReading();
  await client.ask({ connect: {} });
  const epoch = given.epochs.get("a");
  expect([
    await read({}),
    await read({ since: { offset: 2, epoch } }),
    await read({ since: { offset: 3, epoch } }),
    await read({ reverse: true }),
    await read({ reverse: true, since: { offset: 4, epoch } }),
  ]).toEqual([
    [[1, 2], 4],
    [[3], 4],
    [[4], 4],
    [[4], 4],
    [[3], 4],
  ]);
});

const override = {
  presence: undefined,
  joinLeave: undefined,
  forceRecovery: undefined,
  forcePositioning: undefined,
  forcePushJoinLeave: undefined,
};
