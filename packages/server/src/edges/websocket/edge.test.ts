import { describe, expect, test } from "bun:test";
import { startEdges } from "../harness/edge-server.ts";
import { opcodes, RawWebSocket } from "../harness/raw-web-socket.ts";
import { RawSocket } from "../harness/raw-socket.ts";
import { until } from "../harness/until.ts";

describe("upgrade", () => {
  const cases: readonly (readonly [
    name: string,
    query: string,
    headers: string,
    status: string,
    subprotocol: string | undefined,
  ])[] = [
    ["nothing offered", "", "", "101", undefined],
    [
      "the JSON subprotocol",
      "",
      "Sec-WebSocket-Protocol: centrifuge-json\r\n",
      "101",
      "centrifuge-json",
    ],
    [
      "several with JSON",
      "",
      "Sec-WebSocket-Protocol: foo, centrifuge-protobuf, centrifuge-json\r\n",
      "101",
      "centrifuge-json",
    ],
    ["only unknown ones", "", "Sec-WebSocket-Protocol: foo, bar\r\n", "101", undefined],
    ["Protobuf", "", "Sec-WebSocket-Protocol: centrifuge-protobuf\r\n", "400", undefined],
    ["Protobuf by format", "?format=protobuf", "", "400", undefined],
    ["Protobuf by cf_protocol", "?cf_protocol=protobuf", "", "400", undefined],
    ["unknown parameters", "?cf_protocol_version=v2&format=json&x=%zz", "", "101", undefined],
  ];
  for (const [name, query, headers, status, subprotocol] of cases) {
    test(name, async () => {
      await using fixture = startEdges();
      const { responseHead, raw } = await RawWebSocket.open(fixture.port, { query, headers });
      expect(responseHead.split(" ")[1]).toBe(status);
      expect(/sec-websocket-protocol: *(.*)\r\n/i.exec(responseHead)?.[1]).toBe(subprotocol);
      expect(/sec-websocket-extensions/i.test(responseHead)).toBe(false);
      raw.destroy();
    });
  }

  test("says what is wrong with a request that is none", async () => {
    await using fixture = startEdges();
    const address = `${fixture.url}/connection/websocket`;
    const plain = await fetch(address);
    expect([plain.status, await plain.text()]).toEqual([
      426,
      "This endpoint speaks WebSocket only.\n",
    ]);
    const posted = await fetch(address, { method: "POST" });
    expect([posted.status, posted.headers.get("allow")]).toEqual([405, "GET, OPTIONS"]);
    const noKey = await RawSocket.open(fixture.port);
    noKey.write(
      "GET /connection/websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    );
    expect((await noKey.takeUntil("\r\n\r\n")).split(" ")[1]).toBe("400");
    noKey.destroy();
    expect(fixture.hub.connections).toHaveLength(0);
  });

  test("refuses while the hub accepts nobody", async () => {
    await using fixture = startEdges();
    fixture.hub.accepting = false;
    const refused = await RawWebSocket.open(fixture.port);
    expect(refused.responseHead).toContain(" 503 ");
    fixture.hub.accepting = true;
    const accepted = await RawWebSocket.open(fixture.port);
    expect(accepted.responseHead).toContain(" 101 ");
    refused.raw.destroy();
    accepted.raw.destroy();
  });

  test("hands on what headers say, and the user only from a trusted gateway", async () => {
    let trusts = false;
    await using fixture = startEdges({
      isTrustedGateway: (address) => trusts && address === "127.0.0.1",
    });
    const headers = "Authorization: bearer abc.def\r\nX-User-ID: 42\r\nX-Request-ID: r-1\r\n";
    const first = await RawWebSocket.open(fixture.port, { headers });
    trusts = true;
    const second = await RawWebSocket.open(fixture.port, { headers });
    const third = await RawWebSocket.open(fixture.port);
    const common = { requestId: "r-1", remoteAddress: "127.0.0.1", bearerToken: "abc.def" };
    expect((await fixture.hub.connection(0)).request).toEqual({
      ...common,
      trustedUser: undefined,
    });
    expect((await fixture.hub.connection(1)).request).toEqual({ ...common, trustedUser: "42" });
    const { requestId, ...rest } = (await fixture.hub.connection(2)).request;
    expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(rest).toEqual({
      remoteAddress: "127.0.0.1",
      bearerToken: undefined,
      trustedUser: undefined,
    });
    for (const { raw } of [first, second, third]) raw.destroy();
  });

  test("a user header that came twice is believed in neither form", async () => {
    await using fixture = startEdges({ isTrustedGateway: () => true });
    const headers = "X-User-ID: bob\r\nX-User-ID: eve\r\n";
    const client = await RawWebSocket.open(fixture.port, { headers });
    expect((await fixture.hub.connection(0)).request.trustedUser).toBeUndefined();
    client.raw.destroy();
  });
});

describe("frames", () => {
  test("come to the hub one by one and in order, fragmented or binary too", async () => {
    await using fixture = startEdges();
    const client = await RawWebSocket.open(fixture.port);
    const connection = await fixture.hub.connection();
    client.send('{"id":1}\n{"id":2}');
    client.send('{"fr', { final: false });
    client.send("a", { opcode: opcodes.ping });
    client.send("ag", { opcode: opcodes.continuation, final: false });
    client.send("ment", { opcode: opcodes.continuation });
    client.send("żółw", { opcode: opcodes.binary });
    client.send(new Uint8Array([0xff, 0xfe]), { opcode: opcodes.binary });
    client.send("");
    client.send("", { opcode: opcodes.pong });
    client.send("end");
    await until(() => connection.received.at(-1) === "end");
    // Bytes that are no text are a frame without commands, as the empty one is.
    expect(connection.received).toEqual([
      '{"id":1}\n{"id":2}',
      '{"fragment',
      "żółw",
      "",
      "",
      "end",
    ]);
    client.raw.destroy();
    await until(() => connection.closings.length === 1);
  });

  const limits = { queueBytes: 1_048_576, frameBytes: 2_000, frameBytesBeforeConnect: 1_000 };
  const refusals: readonly (readonly [
    name: string,
    breach: (client: RawWebSocket) => void,
    code: number,
  ])[] = [
    ["above the limit", (client) => client.send("x".repeat(2_001)), 1009],
    [
      "above the limit by its header alone",
      (client) => client.send("x", { claimedLength: 2_001 }),
      1009,
    ],
    [
      "above the limit in fragments",
      (client) => {
        client.send("x".repeat(1_500), { final: false });
        client.send("x".repeat(1_500), { opcode: opcodes.continuation });
      },
      1009,
    ],
    ["unmasked", (client) => client.send("{}", { masked: false }), 1002],
    ["of an unknown opcode", (client) => client.send("{}", { opcode: 3 }), 1002],
    ["not UTF-8", (client) => client.send(new Uint8Array([0x7b, 0xff, 0x7d])), 1007],
  ];
  for (const [name, breach, code] of refusals) {
    test(`${name}: closed with ${code}, and only that connection`, async () => {
      await using fixture = startEdges({ limits });
      const [client, bystander] = [
        await RawWebSocket.open(fixture.port),
        await RawWebSocket.open(fixture.port),
      ];
      const [connection, other] = [
        await fixture.hub.connection(0),
        await fixture.hub.connection(1),
      ];
      client.send("x".repeat(2_000));
      breach(client);
      await until(() => connection.closings.length > 0);
      expect((await client.closing())?.code).toBe(code);
      expect(connection.closings).toEqual([{ code, slow: false }]);
      expect(connection.oversized).toBe(code === 1009 ? 1 : 0);
      expect(connection.received).toEqual(["x".repeat(2_000)]);
      bystander.send("still here");
      await until(() => other.received.length > 0);
      for (const { raw } of [client, bystander]) raw.destroy();
    });
  }
});

test("native pings: a ping frame instead of {}, its pong as {}, other pongs ignored", async () => {
  await using fixture = startEdges();
  const client = await RawWebSocket.open(fixture.port, { query: "?cf_ws_frame_ping_pong=true" });
  const { link, codec, received } = await fixture.hub.connection();
  client.send("", { opcode: opcodes.pong });
  client.send("first");
  await until(() => received.length > 0);
  link.send(codec.ping);
  link.send("second");
  await until(() => client.read().length === 2);
  expect(client.read().map(({ opcode }) => opcode)).toEqual([opcodes.ping, opcodes.text]);
  client.send("", { opcode: opcodes.pong });
  client.send("", { opcode: opcodes.pong });
  client.send("end");
  await until(() => received.at(-1) === "end");
  expect(received).toEqual(["first", "{}", "end"]);
  client.raw.destroy();
});
