import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Centrifuge, State } from "centrifuge";
import { until } from "./harness/until.ts";
import { endpoint, nowSeconds, SdkWorld, transports } from "./harness/sdk-world.ts";

setDefaultTimeout(20_000);

let world: SdkWorld;
beforeAll(async () => {
  world = await SdkWorld.start({
    SWITCHYARD_CLIENT_ALLOW_ANONYMOUS: "true",
    SWITCHYARD_TRUSTED_GATEWAY_ADDRESSES: "127.0.0.1",
    SWITCHYARD_CLIENT_EXPIRY_GRACE: "20s",
  });
}, 60_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** The user that the server takes the client for, by its publication. */
async function userOf(client: Centrifuge): Promise<string | undefined> {
  const channel = `open:who-${crypto.randomUUID()}`;
  const subscription = client.newSubscription(channel);
  subscription.subscribe();
  await subscription.ready(10_000);
  const { clients } = await subscription.presence();
  return Object.values(clients)[0]?.user;
}

/** A token that is good for a second or two, and how often one was asked for. */
function shortLived(sign: (expiresAt: number) => Promise<string>) {
  let given = 0;
  return {
    given: () => given,
    getToken: () => {
      given += 1;
      return sign(nowSeconds() + 2);
    },
  };
}

test("tokens are refreshed before their end, over and over, on one connection and subscription", async () => {
  // Side by side: each of them takes the seconds that its tokens live.
  const checks = transports.map(async (transport) => {
    const own = shortLived((expiresAt) => world.token("ann", { expiresAt }));
    const client = world.client(transport, { getToken: own.getToken });
    let connected = 0;
    client.on("connected", () => (connected += 1));
    client.connect();
    const channel = `$closed:${transport}`;
    const forChannel = shortLived((expiresAt) =>
      world.subscriptionToken("ann", channel, expiresAt),
    );
    const subscription = client.newSubscription(channel, { getToken: forChannel.getToken });
    const states: string[] = [];
    subscription.on("state", ({ newState }) => states.push(newState));
    subscription.subscribe();
    await until(() => own.given() >= 3 && forChannel.given() >= 3);
    expect(await userOf(client)).toBe("ann");
    expect([connected, states]).toEqual([1, ["subscribing", "subscribed"]]);
  });
  await Promise.all(checks);
});

describe("tokens", () => {
  for (const transport of transports) {
    test(`${transport}: an expired one is replaced by getToken's, an invalid one ends with 3500`, async () => {
      const client = world.client(transport, {
        token: await world.token("ann", { expiresAt: nowSeconds() - 10 }),
        getToken: () => world.token("ann"),
      });
      client.connect();
      await client.ready(10_000);
      expect(await userOf(client)).toBe("ann");
      const forged = world.client(transport, { token: `${await world.token("ann")}x` });
      const ended = new Promise((resolve) => {
        forged.on("disconnected", ({ code }) => resolve(code));
      });
      forged.connect();
      expect(await ended).toBe(3500);
    });

    test(`${transport}: anonymous without one`, async () => {
      const client = world.client(transport);
      client.connect();
      await client.ready(10_000);
      expect(await userOf(client)).toBe("");
    });
  }
});

/** Bun's WebSocket with headers, as a gateway or a native client adds them. */
function webSocketWith(headers: Readonly<Record<string, string>>): unknown {
  return class extends WebSocket {
    constructor(url: string) {
      super(url, { headers });
    }
  };
}

/** `fetch` with headers. */
function fetchWith(added: Readonly<Record<string, string>>): unknown {
  return (input: string, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers);
    for (const [name, value] of Object.entries(added)) headers.set(name, value);
    return fetch(input, { ...init, headers });
  };
}

describe("who it is by the request", () => {
  test("a gateway's X-User-ID, a Bearer token", async () => {
    const bearer = { Authorization: `Bearer ${await world.token("bob")}` };
    const cases = [
      ["gate", { "X-User-ID": "gate" }],
      ["bob", bearer],
    ] as const;
    for (const [user, headers] of cases) {
      const socket = world.client("websocket", { websocket: webSocketWith(headers) });
      const stream = world.client("http_stream", { fetch: fetchWith(headers) });
      for (const client of [socket, stream]) {
        client.connect();
        await client.ready(10_000);
        expect(await userOf(client)).toBe(user);
      }
    }
  });

  test("a wrong Origin is refused with 403 on every transport; the right one is not", async () => {
    const body = '{"id":1,"connect":{}}';
    const upgrade = {
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    };
    const base = `http://${world.host}/connection`;
    const statuses: number[] = [];
    for (const origin of ["http://elsewhere.example", `http://${world.host}`]) {
      const requests = [
        fetch(`${base}/http_stream`, { method: "POST", headers: { Origin: origin }, body }),
        fetch(`${base}/sse?cf_connect=${encodeURIComponent(body)}`, {
          headers: { Origin: origin },
        }),
      ];
      for (const response of await Promise.all(requests)) {
        statuses.push(response.status);
        await response.body?.cancel();
      }
    }
    expect(statuses).toEqual([403, 403, 200, 200]);
    const refused = await fetch(`${base}/websocket`, {
      headers: { ...upgrade, Origin: "http://elsewhere.example" },
    });
    expect(refused.status).toBe(403);
    const client = world.client("websocket", {
      websocket: webSocketWith({ Origin: "http://elsewhere.example" }),
    });
    const failed = new Promise((resolve) => {
      client.on("error", ({ type }) => resolve(type));
    });
    client.connect();
    expect(await failed).toBe("transport");
    expect(client.state).toBe(State.Connecting);
  });
});

test("a transport that cannot be had is passed over for the next", async () => {
  const { host } = world;
  const nowhere = { transport: "websocket", endpoint: `ws://${host}/nowhere` } as const;
  const client = world.client([nowhere, endpoint("http_stream", host), endpoint("sse", host)], {
    token: await world.token("ann"),
  });
  let used = "";
  client.on("connected", ({ transport }) => (used = transport));
  client.connect();
  await until(() => used !== "");
  expect(used).toBe("http_stream");
  expect(await userOf(client)).toBe("ann");
});
