import { afterEach, describe, expect, test } from "bun:test";
import { RecordingFanOut, ScriptedAuthenticator, TestClient, turn } from "@switchyard/testkit";
import { jsonCodec, toJsonText } from "@switchyard/protocol";
import type { TokenOutcome } from "../ports/authenticator.ts";
import { undecided } from "./harness/server-requests.ts";
import { closed, TestHubs, turns } from "./harness/test-hubs.ts";

const hubs = new TestHubs();
afterEach(() => hubs.stop());

describe("who may connect", () => {
  test("a valid token; the reply says what the client needs to know", async () => {
    const { hub, clock } = await hubs.start({ client: { sendTime: true } });
    const expireAt = clock.now() / 1000 + 60;
    hub.authenticator.issueConnection("t", { user: "ann", expireAt, info: toJsonText({ n: 1 }) });
    const client = hub.open();
    expect(await client.ask({ connect: { token: "t" } })).toEqual({
      id: 1,
      connect: {
        client: client.connection.id,
        version: "0.0.0",
        expires: true,
        ttl: 60,
        ping: 25,
        pong: true,
        time: clock.now(),
      },
    });
  });

  test("session and node go to emulation transports only", async () => {
    const { hub } = await hubs.start();
    const stream = hub.open(undefined, new RecordingFanOut({ transport: "sse" }));
    const reply = await stream.ask({ connect: {} });
    const { session, node } = reply["connect"] as { session: string; node: string };
    expect(session).toMatch(/^[0-9a-f-]{36}$/);
    expect(node).toBe("n");
    expect(await hub.hub.emulate(node, session, '{"id":2,"presence":{"channel":"a"}}')).toBe(
      "accepted",
    );
    await turn();
    expect(stream.messages.at(-1)).toEqual({ id: 2, presence: { presence: {} } });
    expect(await hub.hub.emulate(node, "another", "{}")).toBe("unknown");
    expect(await hub.hub.emulate("another", session, "{}")).toBe("unknown");
    expect(await hub.hub.emulate("", "", "{}")).toBe("unknown");
  });

  test("no pings, no pong: neither is announced", async () => {
    const { hub } = await hubs.start({ client: { pingIntervalMs: 0 } });
    const { connect } = await hub.open().ask({ connect: {} });
    expect(Object.keys(connect as object)).toEqual(["client", "version"]);
  });

  test("an expired token is answered 109 and the next command closes with 3501", async () => {
    const { hub, clock } = await hubs.start();
    hub.authenticator.expire("old");
    hub.authenticator.issueConnection("past", { user: "a", expireAt: clock.now() / 1000 });
    for (const token of ["old", "past"]) {
      const client = hub.open();
      expect((await client.ask({ connect: { token } })).error).toEqual({
        code: 109,
        message: "token expired",
      });
      expect(client.closedWith).toBeUndefined();
      client.send({ rpc: { method: "x" } });
      expect(client.closedWith).toBe(3501);
    }
  });

  test("after an error reply and no further word the connection is closed as stale", async () => {
    const { hub, clock } = await hubs.start();
    hub.authenticator.expire("old");
    const client = hub.open();
    await client.ask({ connect: { token: "old" } });
    await clock.advance(9_900);
    expect(client.closedWith).toBeUndefined();
    await clock.advance(300);
    expect(client.closedWith).toBe(3502);
  });

  test("what came in the frame of a failed connect is dropped, not punished", async () => {
    const { hub } = await hubs.start();
    hub.authenticator.expire("old");
    const client = hub.open();
    client.send({ connect: { token: "old" } }, { subscribe: { channel: "a" } });
    await turn();
    await turn();
    expect(client.messages.map(({ id, error }) => [id, error?.code])).toEqual([[1, 109]]);
    expect(client.closedWith).toBeUndefined();
  });

  test("an invalid token closes with 3500", async () => {
    const client = (await hubs.start()).hub.open();
    client.send({ connect: { token: "forged" } });
    expect(await closed(client)).toBe(3500);
    expect(client.messages).toEqual([
      { push: { disconnect: { code: 3500, reason: "invalid token" } } },
    ]);
  });

  test("no credentials: 3501 unless anonymous connections are allowed", async () => {
    const { hub } = await hubs.start({ client: { allowAnonymous: false } });
    const client = hub.open();
    client.send({ connect: {} });
    expect(await closed(client)).toBe(3501);
  });

  test("a token of the anonymous user: 3507 unless allowed", async () => {
    const { hub } = await hubs.start({ client: { allowAnonymous: false } });
    hub.authenticator.issueConnection("nobody", { user: "" });
    const client = hub.open();
    client.send({ connect: { token: "nobody" } });
    expect(await closed(client)).toBe(3507);
  });

  test("the upgrade's Bearer token counts when the command has none; a gateway's user without any", async () => {
    const { hub } = await hubs.start({ client: { allowAnonymous: false } });
    hub.authenticator.issueConnection("bearer", { user: "ann" });
    hub.authenticator.issueConnection("own", { user: "bob" });
    const users: string[] = [];
    for (const token of ["", "own"]) {
      const link = hub.fanOut.open();
      const request = {
        requestId: "r",
        remoteAddress: "127.0.0.1",
        bearerToken: "bearer",
        trustedUser: "carl",
      };
      const client = new TestClient(link, hub.hub.open(link, jsonCodec, request));
      await client.ask({ connect: { token } });
      const [found] = await hub.operations.connections({
        kind: "client",
        client: client.connection.id,
      });
      users.push(found?.user ?? "none");
    }
    expect(users).toEqual(["ann", "bob"]);
    await hub.connect("carl");
    expect([...(await hub.operations.usersOnline("all")).keys()]).toEqual(["ann", "bob", "carl"]);
  });

  test("insecure: anybody, token or not", async () => {
    const { hub } = await hubs.start({ client: { insecure: true, allowAnonymous: false } });
    expect((await hub.open().ask({ connect: { token: "forged" } })).error).toBeUndefined();
  });

  test("when keys cannot be had: error 100, temporary", async () => {
    class Unreachable extends ScriptedAuthenticator {
      override connection(): Promise<TokenOutcome<never>> {
        return Promise.reject(new Error("no keys"));
      }
    }
    const { hub } = await hubs.start({ authenticator: new Unreachable() });
    const client = hub.open();
    expect((await client.ask({ connect: { token: "t" } })).error).toEqual({
      code: 100,
      message: "internal server error",
      temporary: true,
    });
    expect(hub.log.lines.filter(({ level }) => level === "error")).toHaveLength(1);
  });
});

describe("connect comes first", () => {
  test("any other command before it closes with 3501, a pong too", async () => {
    const { hub } = await hubs.start();
    for (const frame of [
      '{"id":1,"rpc":{"method":"m"}}',
      '{"send":{"data":1}}',
      "{}",
      "nonsense",
      "",
    ]) {
      const client = hub.open();
      client.sendRaw(frame);
      expect([frame, client.closedWith]).toEqual([frame, 3501]);
    }
  });

  test("a second one closes with 3501, before and after the reply", async () => {
    const { hub } = await hubs.start();
    const hasty = hub.open();
    hasty.send({ connect: {} }, { connect: {} });
    expect(hasty.closedWith).toBe(3501);
    const patient = await hub.connect();
    patient.send({ connect: {} });
    expect(patient.closedWith).toBe(3501);
  });

  test("commands behind it wait for it and then start in order, in one frame or in several", async () => {
    const { hub } = await hubs.start();
    hub.authenticator.issueConnection("t", { user: "ann" });
    const client = hub.open();
    client.send(
      { connect: { token: "t" } },
      { subscribe: { channel: "a" } },
      { publish: { channel: "a", data: 1 } },
    );
    client.send({ unsubscribe: { channel: "a" } }, { presence: { channel: "a" } });
    await turns(20);
    expect(
      client.messages
        .map((message) => message.id ?? Object.keys(message.push ?? {})[1])
        // A publish may be answered out of order.
        .filter((what) => what !== 3),
    ).toEqual([1, 2, "pub", 4, 5]);
    expect(client.messages.at(-1)).toMatchObject({ presence: { presence: {} } });
  });

  test("not in time: 3502; what waits for its token counts too", async () => {
    const { hub, clock } = await hubs.start({ client: { connectTimeoutMs: 3_000 } });
    const silent = hub.open();
    await clock.advance(3_200);
    expect(silent.closedWith).toBe(3502);
    expect(hub.observer.of("closed 3502")).toBe(1);
  });

  test("only so much may wait behind it: commands, and bytes", async () => {
    const { hub } = await hubs.start({
      limits: { commandsInFlight: 3, frameBytesBeforeConnect: 1_000 },
    });
    const many = hub.open();
    many.send({ connect: { token: "t" } }, {}, {}, {});
    const eager = hub.open();
    const wait = { presence: { channel: "a" } };
    eager.send({ connect: {} }, wait, wait, wait, wait);
    expect(eager.closedWith).toBe(3013);
    const fat = hub.open();
    fat.send({ connect: {} });
    fat.send({ publish: { channel: "a", data: "x".repeat(600) } });
    expect(fat.closedWith).toBeUndefined();
    fat.send({ publish: { channel: "a", data: "x".repeat(600) } });
    expect(fat.closedWith).toBe(3013);
  });

  test("a frame above the limit of its phase closes with 1009 and without a push", async () => {
    const limits = { frameBytesBeforeConnect: 100, frameBytes: 200 };
    const { hub } = await hubs.start({ limits });
    const before = hub.open();
    before.sendRaw(`{"id":1,"connect":{"name":"${"é".repeat(60)}"}}`);
    expect([before.closedWith, before.messages]).toEqual([1009, []]);
    const after = await hub.connect();
    after.sendRaw(`{"id":2,"publish":{"channel":"a","data":"${"x".repeat(120)}"}}`);
    expect(after.closedWith).toBeUndefined();
    after.sendRaw(`{"id":2,"publish":{"channel":"a","data":"${"é".repeat(80)}"}}`);
    expect(after.closedWith).toBe(1009);
    const begun = await hub.connect();
    begun.connection.receiveOversized();
    expect(begun.closedWith).toBe(1009);
  });
});

describe("how many", () => {
  test("connections of the node: 3504 at once", async () => {
    const { hub } = await hubs.start({ limits: { connections: 2 } });
    const [first, second, third] = [hub.open(), hub.open(), hub.open()];
    expect([first, second, third].map(({ closedWith }) => closedWith)).toEqual([
      undefined,
      undefined,
      3504,
    ]);
    first.vanish();
    expect(hub.open().closedWith).toBeUndefined();
  });

  test("connections of one user: 3504 for the next; anonymous ones are not counted", async () => {
    const { hub } = await hubs.start({ limits: { connectionsPerUser: 2 } });
    const tabs = [hub.open("ann"), hub.open("ann"), hub.open("ann")];
    for (const tab of tabs) tab.send({ connect: {} });
    await turn();
    expect(tabs.map(({ closedWith }) => closedWith)).toEqual([undefined, undefined, 3504]);
    tabs[0]?.vanish();
    expect((await hub.open("ann").ask({ connect: {} })).error).toBeUndefined();
    for (let n = 0; n < 5; n += 1) expect((await hub.connect()).closedWith).toBeUndefined();
  });

  test("server-side subscriptions: 3505, and nothing of them stays", async () => {
    const { hub } = await hubs.start({ limits: { channelsPerConnection: 1 } });
    const claims = { info: undefined, data: undefined, override: undecided };
    hub.authenticator.issueConnection("t", {
      user: "ann",
      subscriptions: new Map([
        ["a", claims],
        ["b", claims],
      ]),
    });
    const client = hub.open();
    client.send({ connect: { token: "t" } });
    expect(await closed(client)).toBe(3505);
    await turn();
    expect([hub.hub.services.channels.size, hub.hub.services.connections.userCount]).toEqual([
      0, 0,
    ]);
  });
});
