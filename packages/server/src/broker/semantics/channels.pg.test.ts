import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { until } from "../../sdk/harness/until.ts";
import { SemanticsWorld, ways } from "./harness/semantics-world.ts";
import {
  channelNamed,
  exchangeNamed,
  fresh,
  queueNamed,
  refusal,
  type Way,
} from "./harness/way.ts";

setDefaultTimeout(20_000);

let world: SemanticsWorld;
beforeAll(async () => {
  world = await SemanticsWorld.start();
}, 60_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** What arrives on `channels`, in order. */
async function listen(channels: readonly string[]): Promise<(readonly [string, unknown])[]> {
  const heard: (readonly [string, unknown])[] = [];
  const { sdk } = await world.client();
  for (const channel of channels) {
    const subscription = sdk.newSubscription(channel);
    subscription.on("publication", ({ data }) => heard.push([channel, data]));
    subscription.subscribe();
    await subscription.ready(10_000);
  }
  return heard;
}

describe.each([...ways])("%s", (kind) => {
  let way: Way;
  beforeAll(async () => {
    way = await world.way(kind);
  });

  /** A topic exchange whose every event goes to the channel of `template`. */
  async function leadTo(template: string, more: object = {}): Promise<string> {
    const exchange = fresh("e");
    await way.declareExchange(exchange, { type: "topic" });
    await way.bind(exchange, "#", channelNamed(template), more);
    return exchange;
  }

  test("a template is filled from the key, its words and the headers; what else there is, is percent-encoded", async () => {
    const own = fresh("r");
    const event = { key: "United Kingdom.5.é", headers: { w: "a:b#c$", n: 1.5, yes: true } };
    const channels = {
      "{key}": "United%20Kingdom.5.%C3%A9",
      "{key.1}/{key.2}": "United%20Kingdom/5",
      "{headers.w}": "a%3Ab%23c%24",
      "{headers.n}-{headers.yes}": "1.5-true",
      "{{literal}}": "{literal}",
    };
    const heard = await listen(Object.values(channels).map((name) => `plain:${own}-${name}`));
    for (const template of Object.keys(channels)) {
      const exchange = await leadTo(`plain:${own}-${template}`);
      expect(await way.publish({ exchange, ...event, body: template })).toMatchObject({
        routed: 1,
      });
    }
    await until(() => heard.length === 5);
    expect(Object.fromEntries(heard)).toEqual(
      Object.fromEntries(
        Object.entries(channels).map(([template, name]) => [`plain:${own}-${name}`, template]),
      ),
    );
  });

  test.each([
    ["a header that is missing", "plain:{headers.no}", {}],
    ["an empty header", "plain:{headers.empty}", {}],
    ["a word that is missing", "plain:{key.3}", {}],
    ["an empty key", "plain:{key}", { key: "" }],
    ["one that is too long", "plain:{headers.long}", {}],
    ["one that is too long once it is encoded", "plain:{headers.wide}", {}],
  ] as const)("a value that makes no name leaves the event unroutable: %s", async (_, to, more) => {
    const exchange = await leadTo(to);
    const headers = { empty: "", long: "x".repeat(65), wide: "ä".repeat(11), fine: "x".repeat(64) };
    const event = { exchange, key: "a.b", headers, body: 1, mandatory: true, ...more };
    expect(await way.publish(event)).toMatchObject({ routed: 0, returned: true });
    await way.bind(exchange, "#", channelNamed("plain:{headers.fine}"));
    expect(await way.publish(event)).toMatchObject({ routed: 1 });
  });

  test("a template that is none is refused", async () => {
    const exchange = await leadTo("plain:x");
    for (const name of ["plain:{", "plain:}", "plain:{nothing}", "plain:{key.0}", "{headers.}"])
      expect(await refusal(way.bind(exchange, "", channelNamed(name)))).toMatchObject({
        code: 107,
      });
  });

  test("one publication on a channel, however many ways lead there, beside the copies in queues", async () => {
    const channel = fresh("plain:one");
    const exchange = await leadTo(channel);
    await way.bind(exchange, "k", channelNamed(channel), { durable: false });
    await way.bind(exchange, "k.#", channelNamed("plain:{headers.rest}"));
    const inner = await leadTo(channel);
    await way.bind(exchange, "k", exchangeNamed(inner));
    const queue = await way.declareQueue(fresh("q"));
    await way.bind(inner, "#", queueNamed(queue));
    const heard = await listen([channel]);
    const headers = { rest: channel.slice("plain:".length) };
    const event = { exchange, key: "k", headers, body: { n: 1 } };
    expect(await way.publish(event)).toMatchObject({ routed: 2 });
    await way.publish({ ...event, body: { n: 2 } });
    await until(() => heard.length >= 2);
    expect(heard).toEqual([
      [channel, { n: 1 }],
      [channel, { n: 2 }],
    ]);
    expect((await world.http.figures(queue)).ready).toBe(2);
  });

  test("an id that comes again is published once, on the durable and on the live way", async () => {
    const channels = [fresh("plain:durable"), fresh("plain:live")];
    const exchange = await leadTo(channels[0] ?? "");
    await way.bind(exchange, "#", channelNamed(channels[1] ?? ""), { durable: false });
    const heard = await listen(channels);
    const event = { exchange, body: "first", id: "once" };
    await way.publish(event);
    expect(await way.publish(event)).toMatchObject({ duplicate: true });
    await way.publish({ exchange, body: "last" });
    await until(() => heard.filter(([, body]) => body === "last").length === 2);
    for (const channel of channels)
      expect(heard.filter(([name]) => name === channel).map(([, body]) => body)).toEqual([
        "first",
        "last",
      ]);
  });

  test("durable false: on the channel without the store", async () => {
    const channel = fresh("plain:live");
    const exchange = await leadTo(channel, { durable: false });
    const heard = await listen([channel]);
    for (const body of [1, 2, 3]) await way.publish({ exchange, body });
    await until(() => heard.length >= 3);
    expect(heard.map(([, body]) => body)).toEqual([1, 2, 3]);
    const other = refusal(way.bind(exchange, "#", channelNamed(channel), { durable: true }));
    expect(await other).toMatchObject({ code: 406, message: expect.stringContaining("durable") });
  });
});

test("the internal queue on the way to channels can be reached by nobody", async () => {
  const client = await world.client();
  const exchange = fresh("e");
  await client.declareExchange(exchange, { type: "direct", alternate_exchange: "amq.default" });
  for (const from of ["amq.default", exchange]) {
    const event = { exchange: from, key: "switchyard.channels", body: 1, mandatory: true };
    expect(await client.publish(event)).toMatchObject({ routed: 0, returned: true });
  }
  expect(await refusal(client.consume("switchyard.channels"))).toMatchObject({ code: 103 });
  const bound = client.bind("amq.topic", "", queueNamed("switchyard.channels"));
  expect(await refusal(bound)).toMatchObject({ code: 107 });
});
