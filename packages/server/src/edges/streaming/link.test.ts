import { describe, expect, test } from "bun:test";
import { disconnects } from "@switchyard/protocol";
import { turn } from "@switchyard/testkit";
import { type EdgeServerFixture, openSockets, startEdges } from "../harness/edge-server.ts";
import { RawSocket } from "../harness/raw-socket.ts";
import { RawStream } from "../harness/raw-stream.ts";
import type { ScriptedConnection } from "../harness/scripted-hub.ts";
import { until } from "../harness/until.ts";

const block = "x".repeat(32_768);

/** A client whose hub has said hello. */
async function open(
  fixture: EdgeServerFixture,
): Promise<{ stream: RawStream; connection: ScriptedConnection }> {
  fixture.hub.onOpen ??= ({ link }) => link.send("hello");
  const opening = fixture.hub.connection(fixture.hub.connections.length);
  const stream = await RawStream.open(fixture.port, {
    path: "/connection/http_stream",
    separator: "\n",
    body: "{}",
  });
  await stream.atLeast(1);
  return { stream, connection: await opening };
}

async function fill({ link }: ScriptedConnection, bytes: number): Promise<void> {
  while (link.bufferedBytes() < bytes) {
    link.send(block);
    await turn();
  }
}

describe("close", () => {
  test("ends the body after what was sent, with one disconnect push, and frees the connection", async () => {
    await using fixture = startEdges();
    const before = openSockets();
    const { stream, connection } = await open(fixture);
    const push = '{"push":{"disconnect":{"code":3503,"reason":"force disconnect"}}}';
    connection.link.send("last words");
    // As the hub does on every transport.
    connection.link.send(push);
    connection.link.close(disconnects.forceDisconnect);
    await stream.end();
    expect(stream.pieces()).toEqual(["hello", "last words", push]);
    expect(stream.complete).toBe(true);
    expect(connection.closings).toEqual([]);
    await until(() => openSockets() === before);
  });

  test("with 3000 says nothing", async () => {
    await using fixture = startEdges();
    const { stream, connection } = await open(fixture);
    connection.link.close(disconnects.connectionClosed);
    await stream.end();
    expect([stream.pieces(), stream.complete]).toEqual([["hello"], true]);
  });

  test("while the first frame is being received", async () => {
    await using fixture = startEdges();
    fixture.hub.onOpen = (connection) =>
      (connection.onReceive = () => connection.link.close(disconnects.badRequest));
    const { stream } = await open(fixture);
    await stream.end();
    expect(stream.pieces()).toEqual([
      '{"push":{"disconnect":{"code":3501,"reason":"bad request"}}}',
    ]);
    expect(stream.complete).toBe(true);
  });

  test("gives descriptor and memory back within 5 s when the peer reads nothing, or a little all the time", async () => {
    await using fixture = startEdges();
    const before = openSockets();
    const [stalled, trickling, silent] = [
      await open(fixture),
      await open(fixture),
      await open(fixture),
    ];
    for (const { stream } of [stalled, trickling, silent]) stream.raw.stopReading();
    await fill(stalled.connection, 600_000);
    await fill(trickling.connection, 600_000);
    expect(openSockets()).toBe(before + 6);
    const started = performance.now();
    for (const { connection } of [stalled, trickling, silent])
      connection.link.close(disconnects.noPong);
    await until(() => {
      trickling.stream.raw.socket.read(10);
      return openSockets() <= before + 3;
    });
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(fixture.hub.connections.map(({ closings }) => closings)).toEqual([[], [], []]);
    expect(fixture.server.pendingRequests).toBe(0);
    for (const { stream } of [stalled, trickling, silent]) stream.raw.destroy();
    await until(() => openSockets() === before);
  }, 15_000);
});

test("frames of one turn leave in one write, those after it in another", async () => {
  await using fixture = startEdges();
  const { stream, connection } = await open(fixture);
  const [, fanOut] = fixture.edges.fanOuts;
  connection.link.join("t");
  stream.raw.take();
  connection.link.send("a");
  fanOut?.publish("t", "b");
  await Promise.resolve();
  connection.link.send("c");
  expect(await stream.raw.takeUntil("\n\r\n")).toBe("6\r\na\nb\nc\n\r\n");
  connection.link.send("d");
  expect(await stream.raw.takeUntil("\n\r\n")).toBe("2\r\nd\n\r\n");
  stream.raw.destroy();
});

test("the client's end is reported once, and its topics are left", async () => {
  await using fixture = startEdges();
  const before = openSockets();
  const clients = [await open(fixture), await open(fixture), await open(fixture)];
  for (const { connection } of clients) connection.link.join("t");
  clients[0]?.stream.raw.reset();
  clients[1]?.stream.raw.destroy();
  await until(() =>
    fixture.hub.connections.slice(0, 2).every(({ closings }) => closings.length > 0),
  );
  fixture.edges.fanOuts[1]?.publish("t", "news");
  expect(await clients[2]?.stream.atLeast(2)).toEqual(["hello", "news"]);
  const gone = [{ code: 1006, slow: false }];
  expect(fixture.hub.connections.map(({ closings }) => closings)).toEqual([gone, gone, []]);
  clients[2]?.stream.raw.destroy();
  await until(() => openSockets() === before);
});

test("1,500 streams come and go without anything left behind", async () => {
  await using fixture = startEdges();
  const before = openSockets();
  for (let round = 0; round < 30; round += 1) {
    const opened: RawStream[] = [];
    fixture.hub.onOpen = ({ link }) => {
      link.join("all");
      link.send("hello");
    };
    const path = "/connection/sse?cf_connect={}";
    opened.push(
      ...(await Promise.all(
        Array.from({ length: 50 }, () => RawStream.open(fixture.port, { path, separator: "\n\n" })),
      )),
    );
    opened.forEach(({ raw }, index) => (index % 2 === 0 ? raw.reset() : raw.destroy()));
    await until(() => fixture.server.pendingRequests === 0);
  }
  expect(fixture.hub.connections).toHaveLength(1_500);
  expect(fixture.hub.connections.every(({ closings }) => closings.length === 1)).toBe(true);
  await until(() => openSockets() === before);
}, 30_000);

describe("a reader that stalls", () => {
  test("is closed as slow above the bound, its bytes counted up to there, its connection cut", async () => {
    await using fixture = startEdges();
    const before = openSockets();
    const [slow, quick] = [await open(fixture), await open(fixture)];
    for (const { connection } of [slow, quick]) connection.link.join("t");
    slow.stream.raw.stopReading();
    let [count, most] = [0, 0];
    while (slow.connection.closings.length === 0) {
      fixture.edges.fanOuts[1]?.publish("t", block);
      most = Math.max(most, slow.connection.link.bufferedBytes());
      count += 1;
      await quick.stream.atLeast(count + 1);
    }
    expect(slow.connection.closings).toEqual([{ code: 1006, slow: true }]);
    expect(most).toBeGreaterThan(1_048_576 - 2 * block.length);
    expect(most).toBeLessThanOrEqual(1_048_576);
    expect(quick.connection.closings).toEqual([]);
    await until(() => openSockets() <= before + 3);
    slow.stream.raw.destroy();
    quick.stream.raw.destroy();
    await until(() => openSockets() === before);
  });

  test("is not slow for a burst that the kernel takes", async () => {
    await using fixture = startEdges();
    const { stream, connection } = await open(fixture);
    // Twice the bound in one turn, less than what the kernel buffers on loopback.
    for (let i = 0; i < 64; i += 1) connection.link.send(block);
    expect(await stream.atLeast(65)).toHaveLength(65);
    expect(connection.closings).toEqual([]);
    stream.raw.destroy();
  });

  test("and reads on in time keeps its link, and the hub hears of it", async () => {
    await using fixture = startEdges();
    const { stream, connection } = await open(fixture);
    stream.raw.stopReading();
    await fill(connection, 500_000);
    const before = connection.drains;
    expect(connection.link.bufferedBytes()).toBeGreaterThan(0);
    stream.raw.resumeReading();
    await until(() => {
      stream.pieces();
      return connection.drains > before && connection.link.bufferedBytes() === 0;
    });
    expect(connection.closings).toEqual([]);
    stream.raw.destroy();
  });
});

test("the hub hears of a burst that the kernel takes at once", async () => {
  await using fixture = startEdges();
  const { stream, connection } = await open(fixture);
  await until(() => connection.link.bufferedBytes() === 0);
  const before = connection.drains;
  connection.link.send("burst");
  expect(connection.link.bufferedBytes()).toBeGreaterThan(0);
  await until(() => connection.link.bufferedBytes() === 0);
  expect(connection.drains).toBeGreaterThan(before);
  stream.raw.destroy();
});

test("an idle stream outlives the server's idle timeout", async () => {
  await using fixture = startEdges({}, 1);
  fixture.hub.onOpen = ({ link }) => link.send("hello");
  // By GET: a body that was read leaves a longer timeout behind than the server's.
  const path = "/connection/sse?cf_connect={}";
  const stream = await RawStream.open(fixture.port, { path, separator: "\n\n" });
  const connection = await fixture.hub.connection();
  // The control: an idle connection without a stream.
  const idle = await RawSocket.open(fixture.port);
  idle.write("GET /elsewhere HTTP/1.1\r\nHost: x\r\n\r\n");
  await until(() => idle.ended);
  expect(connection.closings).toEqual([]);
  connection.link.send("still here");
  expect(await stream.atLeast(2)).toEqual(["\r\ndata: hello", "data: still here"]);
  stream.raw.destroy();
  idle.destroy();
}, 15_000);
