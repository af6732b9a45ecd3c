import { describe, expect, test } from "bun:test";
import { disconnects } from "@switchyard/protocol";
import { turn } from "@switchyard/testkit";
import { openSockets, startEdges } from "../harness/edge-server.ts";
import { opcodes, RawWebSocket } from "../harness/raw-web-socket.ts";
import type { ScriptedConnection } from "../harness/scripted-hub.ts";
import { until } from "../harness/until.ts";

const block = "x".repeat(32_768);

/** Has the link hold bytes that the kernel does not take. The client must have stopped reading. */
async function fill({ link }: ScriptedConnection, bytes: number): Promise<void> {
  while (link.bufferedBytes() < bytes) {
    link.send(block);
    await turn();
  }
}

describe("close", () => {
  test("tells code and reason, cut to 123 bytes, and does not report back", async () => {
    await using fixture = startEdges();
    const client = await RawWebSocket.open(fixture.port);
    const { link, closings } = await fixture.hub.connection();
    link.send("last words");
    link.close({ code: 4_001, reason: `${"r".repeat(122)}żółw` });
    expect(await client.closing()).toEqual({ code: 4_001, reason: "r".repeat(122) });
    expect(client.texts()).toEqual(["last words"]);
    client.raw.destroy();
    expect(closings).toEqual([]);
  });

  test("with 3000 says nothing", async () => {
    await using fixture = startEdges();
    const client = await RawWebSocket.open(fixture.port);
    const { link } = await fixture.hub.connection();
    link.close(disconnects.connectionClosed);
    expect(await client.closing()).toBeUndefined();
    expect(client.frames).toEqual([]);
  });

  test("from within open and receive", async () => {
    await using fixture = startEdges();
    fixture.hub.onOpen = ({ link }) => link.close(disconnects.connectionLimit);
    const first = await RawWebSocket.open(fixture.port);
    expect((await first.closing())?.code).toBe(3504);
    fixture.hub.onOpen = (connection) =>
      (connection.onReceive = () => connection.link.close(disconnects.badRequest));
    const second = await RawWebSocket.open(fixture.port);
    second.send("bad");
    second.send("ignored");
    expect((await second.closing())?.code).toBe(3501);
    expect(
      fixture.hub.connections.map(({ received, closings }) => ({ received, closings })),
    ).toEqual([
      { received: [], closings: [] },
      { received: ["bad"], closings: [] },
    ]);
    for (const { raw } of [first, second]) raw.destroy();
  });

  test("gives the descriptor back within 5 s, whatever the peer does", async () => {
    await using fixture = startEdges();
    const before = openSockets();
    const [silent, stalled, talking] = [
      await RawWebSocket.open(fixture.port),
      await RawWebSocket.open(fixture.port),
      await RawWebSocket.open(fixture.port),
    ];
    stalled.raw.stopReading();
    silent.raw.stopReading();
    talking.raw.stopReading();
    const connections = [0, 1, 2].map((index) => fixture.hub.connection(index));
    await fill(await fixture.hub.connection(1), 300_000);
    // Both ends are in this process.
    expect(openSockets()).toBe(before + 6);
    const started = performance.now();
    for (const connection of connections) (await connection).link.close(disconnects.noPong);
    await until(() => {
      if (!talking.raw.ended) talking.send("{}");
      return openSockets() <= before + 3;
    });
    expect(performance.now() - started).toBeLessThan(5_000);
    for (const { raw } of [silent, stalled, talking]) raw.destroy();
    await until(() => openSockets() === before);
  }, 15_000);
});

describe("the peer's end", () => {
  test("reports the peer's code, and 1006 when there is none", async () => {
    await using fixture = startEdges();
    const [polite, gone, reset] = [
      await RawWebSocket.open(fixture.port),
      await RawWebSocket.open(fixture.port),
      await RawWebSocket.open(fixture.port),
    ];
    polite.send(new Uint8Array([0x03, 0xe9]), { opcode: opcodes.close });
    gone.raw.destroy();
    reset.raw.reset();
    await until(() => fixture.hub.connections.every(({ closings }) => closings.length > 0));
    expect(fixture.hub.connections.map(({ closings }) => closings)).toEqual([
      [{ code: 1001, slow: false }],
      [{ code: 1006, slow: false }],
      [{ code: 1006, slow: false }],
    ]);
    polite.raw.destroy();
  });

  test("comes and goes 3,000 times without anything left behind", async () => {
    await using fixture = startEdges();
    const [fanOut] = fixture.edges.fanOuts;
    const before = openSockets();
    fixture.hub.onOpen = ({ link }) => {
      link.join("all");
      link.join(`own ${fixture.hub.connections.length}`);
    };
    for (let round = 0; round < 60; round += 1) {
      const clients = await Promise.all(
        Array.from({ length: 50 }, () => RawWebSocket.open(fixture.port)),
      );
      fanOut?.publish("all", `round ${round}`);
      await until(() => clients.every((client) => client.texts().length === 1));
      clients.forEach((client, index) => {
        if (index % 3 === 0) client.raw.reset();
        else if (index % 3 === 1) client.raw.destroy();
        else client.send(new Uint8Array([0x03, 0xe8]), { opcode: opcodes.close });
      });
      await until(() => fixture.server.pendingWebSockets === 0);
      for (const client of clients) client.raw.destroy();
    }
    expect(fixture.hub.connections).toHaveLength(3_000);
    expect(
      fixture.hub.connections.every(({ closings }) => closings.length === 1 && !closings[0]?.slow),
    ).toBe(true);
    expect(fixture.server.subscriberCount("all")).toBe(0);
    await until(() => openSockets() === before);
  }, 30_000);
});

describe("a reader that stalls", () => {
  for (const way of ["publish", "send"] as const) {
    test(`is closed as slow on ${way}; one that resets in the same turn is not called slow`, async () => {
      await using fixture = startEdges();
      const [fanOut] = fixture.edges.fanOuts;
      const clients = await Promise.all([0, 1, 2].map(() => RawWebSocket.open(fixture.port)));
      const connections = await Promise.all(
        [0, 1, 2].map((index) => fixture.hub.connection(index)),
      );
      const [stalled, healthy, resetting] = clients;
      for (const { link } of connections) link.join("t");
      stalled?.raw.stopReading();
      const deliver = () => {
        if (way === "publish") return fanOut?.publish("t", block);
        for (const { link } of connections) link.send(block);
      };
      const reports = () => connections.map(({ closings }) => closings.length);
      let delivered = 0;
      while ((reports()[0] ?? 0) === 0) {
        deliver();
        delivered += 1;
        await until(() => (healthy?.texts().length ?? 0) >= delivered);
        if (connections[0] && connections[0].link.bufferedBytes() > 1_000_000)
          resetting?.raw.reset();
      }
      await until(() => reports()[2] === 1);
      expect(connections.map(({ closings }) => closings)).toEqual([
        [{ code: 1006, slow: true }],
        [],
        [{ code: 1006, slow: false }],
      ]);
      expect(fixture.server.subscriberCount("t")).toBe(1);
      for (const client of clients) client.raw.destroy();
    });
  }

  test("is closed for one message above the bound on top of what waits", async () => {
    await using fixture = startEdges();
    const client = await RawWebSocket.open(fixture.port);
    const connection = await fixture.hub.connection();
    client.raw.stopReading();
    await fill(connection, 100_000);
    connection.link.send("y".repeat(1_048_577));
    expect(connection.closings).toEqual([]); // never within a call of the hub's
    await until(() => connection.closings.length > 0);
    expect(connection.closings).toEqual([{ code: 1006, slow: true }]);
    client.raw.destroy();
  });

  test("and reads on in time keeps its link, and the hub hears of it", async () => {
    await using fixture = startEdges();
    const client = await RawWebSocket.open(fixture.port);
    const connection = await fixture.hub.connection();
    client.raw.stopReading();
    await fill(connection, 500_000);
    expect(connection.drains).toBe(0);
    client.raw.resumeReading();
    await until(() => connection.drains > 0 && connection.link.bufferedBytes() === 0);
    expect(connection.closings).toEqual([]);
    client.raw.destroy();
  });
});
