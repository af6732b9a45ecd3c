import { describe, expect, test } from "bun:test";
import { startEdges } from "../harness/edge-server.ts";
import { RawSocket } from "../harness/raw-socket.ts";
import { RawStream } from "../harness/raw-stream.ts";
import { until } from "../harness/until.ts";

const httpStream = {
  path: "/connection/http_stream",
  separator: "\n",
  body: '{"id":1,"connect":{}}',
};
const sse = {
  path: `/connection/sse?cf_connect=${encodeURIComponent(httpStream.body)}`,
  separator: "\n\n",
};
const ssePosted = { path: "/connection/sse", separator: "\n\n", body: httpStream.body };

describe("a stream", () => {
  const cases = [
    {
      name: "HTTP streaming",
      request: httpStream,
      type: "application/x-ndjson; charset=utf-8",
      body: ["a", "b"],
    },
    {
      name: "SSE",
      request: sse,
      type: "text/event-stream; charset=utf-8",
      body: ["\r\ndata: a", "data: b"],
    },
    {
      name: "SSE by POST",
      request: ssePosted,
      type: "text/event-stream; charset=utf-8",
      body: ["\r\ndata: a", "data: b"],
    },
  ];
  for (const { name, request, type, body } of cases) {
    test(`${name}: gives the hub the first frame, and frames to the client one by one`, async () => {
      await using fixture = startEdges();
      fixture.hub.onOpen = (connection) => (connection.onReceive = () => connection.link.send("a"));
      const stream = await RawStream.open(fixture.port, request);
      const connection = await fixture.hub.connection();
      expect(connection.received).toEqual([httpStream.body]);
      expect(await stream.atLeast(1)).toEqual(body.slice(0, 1));
      connection.link.send("b");
      expect(await stream.atLeast(2)).toEqual(body);
      const head = stream.responseHead.toLowerCase();
      for (const header of [
        "200 ok",
        `content-type: ${type}`,
        "cache-control: no-store",
        "x-accel-buffering: no",
      ]) {
        expect(head).toContain(header);
      }
      stream.raw.destroy();
      await until(() => connection.closings.length > 0);
    });
  }

  test("SSE: an empty stream begins at once", async () => {
    await using fixture = startEdges();
    const stream = await RawStream.open(fixture.port, sse);
    await until(() => stream.unfinished === "\r\n");
    stream.raw.destroy();
  });

  test("SSE: every line of a frame is data", async () => {
    await using fixture = startEdges();
    fixture.hub.onOpen = ({ link }) => link.send("a\nb");
    const stream = await RawStream.open(fixture.port, sse);
    expect(await stream.atLeast(1)).toEqual(["\r\ndata: a\ndata: b"]);
    stream.raw.destroy();
  });

  test("hands on what headers say", async () => {
    await using fixture = startEdges({ isTrustedGateway: () => true });
    fixture.hub.onOpen = ({ link }) => link.send("a");
    const headers = "Authorization: Bearer abc\r\nX-User-ID: 42\r\nX-Request-ID: r-1\r\n";
    const stream = await RawStream.open(fixture.port, { ...httpStream, headers });
    const { request } = await fixture.hub.connection();
    expect(request).toEqual({
      requestId: "r-1",
      remoteAddress: "127.0.0.1",
      bearerToken: "abc",
      trustedUser: "42",
    });
    stream.raw.destroy();
  });

  test("takes a chunked body", async () => {
    await using fixture = startEdges();
    const raw = await RawSocket.open(fixture.port);
    raw.write(
      `POST ${httpStream.path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{"i\r\n`,
    );
    raw.write(`4\r\nd":1\r\n1\r\n}\r\n0\r\n\r\n`);
    expect((await fixture.hub.connection()).received).toEqual(['{"id":1}']);
    raw.destroy();
  });
});

describe("refusals", () => {
  type Init = Omit<RequestInit, "headers"> & {
    readonly headers?: Readonly<Record<string, string>>;
  };
  const requests: readonly (readonly [
    name: string,
    path: string,
    init: Init,
    status: number,
    text: string,
  ])[] = [
    ["another method", httpStream.path, {}, 405, "Use POST here."],
    ["another method for SSE", "/connection/sse", { method: "DELETE" }, 405, "Use GET, POST here."],
    [
      "SSE without connect",
      "/connection/sse",
      {},
      400,
      "The query parameter cf_connect must hold the connect command.",
    ],
    [
      "too large a body",
      httpStream.path,
      { method: "POST", body: "x".repeat(65_537) },
      413,
      "The body is above 65536 bytes.",
    ],
    [
      "Protobuf",
      httpStream.path,
      { method: "POST", body: "x", headers: { "Content-Type": "application/octet-stream" } },
      400,
      "This server speaks the JSON protocol only. Use the JSON build or mode of your client.",
    ],
  ];
  for (const [name, path, init, status, text] of requests) {
    test(name, async () => {
      await using fixture = startEdges();
      const response = await fetch(`${fixture.url}${path}`, {
        ...init,
        headers: { ...init.headers, Origin: "https://page.test" },
      });
      expect([response.status, await response.text()]).toEqual([status, `${text}\n`]);
      // A page must be able to read why.
      expect(response.headers.get("access-control-allow-origin")).toBe("https://page.test");
      expect(fixture.hub.connections).toHaveLength(0);
    });
  }

  test("too large a body without a declared length, before it ends", async () => {
    await using fixture = startEdges();
    const raw = await RawSocket.open(fixture.port);
    raw.write(`POST ${httpStream.path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`);
    raw.write(`10001\r\n${"x".repeat(65_537)}\r\n`);
    expect((await raw.takeUntil("\r\n\r\n")).split(" ")[1]).toBe("413");
    raw.destroy();
  });

  test("a body that is cut off opens nothing", async () => {
    await using fixture = startEdges();
    const raw = await RawSocket.open(fixture.port);
    raw.write(`POST ${httpStream.path} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{"id`);
    await until(() => fixture.server.pendingRequests === 1);
    raw.reset();
    await until(() => fixture.server.pendingRequests === 0);
    expect(fixture.hub.connections).toHaveLength(0);
  });

  test("while the hub accepts nobody", async () => {
    await using fixture = startEdges();
    fixture.hub.accepting = false;
    const posted = await fetch(`${fixture.url}${httpStream.path}`, { method: "POST", body: "{}" });
    expect([posted.status, posted.headers.get("retry-after")]).toEqual([503, "1"]);
    expect((await fetch(`${fixture.url}${sse.path}`)).status).toBe(503);
  });
});

describe("pipelining", () => {
  test("a request behind an open stream ends it: the response was the connection's last", async () => {
    await using fixture = startEdges();
    fixture.hub.onOpen = ({ link }) => link.send("a");
    const [stream, control] = [
      await RawStream.open(fixture.port, httpStream),
      await RawStream.open(fixture.port, httpStream),
    ];
    await stream.atLeast(1);
    const [connection, other] = [await fixture.hub.connection(0), await fixture.hub.connection(1)];
    stream.raw.write("GET /elsewhere HTTP/1.1\r\nHost: x\r\n\r\n");
    await stream.end();
    expect(connection.closings).toEqual([{ code: 1006, slow: false }]);
    expect([stream.pieces(), stream.complete]).toEqual([["a"], false]);
    other.link.send("b");
    expect(await control.atLeast(2)).toEqual(["a", "b"]);
    for (const { raw } of [stream, control]) raw.destroy();
  });

  test("commands behind each other on one connection are all handed on", async () => {
    await using fixture = startEdges();
    const raw = await RawSocket.open(fixture.port);
    const post = (data: string) => {
      const body = JSON.stringify({ session: "s", node: "n", data });
      return `POST /emulation HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    };
    raw.write(post("1") + post("2") + post("3"));
    for (let count = 0; count < 3; count += 1)
      expect(await raw.takeUntil("\r\n\r\n")).toStartWith("HTTP/1.1 204 ");
    expect(fixture.hub.emulated.map(({ data }) => data)).toEqual(["1", "2", "3"]);
    raw.destroy();
  });
});
