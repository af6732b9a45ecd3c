import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { RunningServer } from "@switchyard/testkit";
import { RawSocket } from "../edges/harness/raw-socket.ts";
import { clientFrame, opcodes, RawWebSocket } from "../edges/harness/raw-web-socket.ts";
import { until } from "../edges/harness/until.ts";
import { closedWith, eventually, figure, figures } from "./harness/server-figures.ts";
import { startEnduranceServer } from "./harness/start-endurance-server.ts";

setDefaultTimeout(60_000);

const kibibyte = 1024;
const connect = '{"id":1,"connect":{}}';
const identity = { headers: "X-User-ID: mallory\r\n" };

let server: RunningServer;
let port = 0;
/** There before, during and after every abuse. */
let bystander: RawWebSocket;

beforeAll(async () => {
  server = await startEnduranceServer({
    args: ["--client-connect-timeout", "1500ms", "--client-limits-commands-per-second", "0"],
  });
  port = Number(new URL(server.url).port);
  bystander = await connected("bystander");
  bystander.send('{"id":2,"subscribe":{"channel":"room:bystander"}}');
  await until(() => bystander.texts().length === 2);
}, 60_000);

afterAll(async () => {
  bystander.raw.destroy();
  await server[Symbol.asyncDispose]();
});

async function connected(user = "mallory"): Promise<RawWebSocket> {
  const socket = await RawWebSocket.open(port, { headers: `X-User-ID: ${user}\r\n` });
  socket.send(connect);
  await until(() => socket.texts().length === 1 || socket.raw.ended);
  expect(socket.texts()[0]).toStartWith('{"id":1,"connect":{"client":"');
  return socket;
}

let greetings = 0;

/** A new connection works, and the old one is still served. */
async function expectUnharmed(): Promise<void> {
  greetings += 1;
  const other = await connected("other");
  const text = `{"n":${greetings}}`;
  other.send(
    `{"id":2,"subscribe":{"channel":"room:bystander"}}\n{"id":3,"publish":{"channel":"room:bystander","data":${text}}}`,
  );
  await until(() =>
    [bystander, other].every((one) => one.texts().some((t) => t.includes(`"data":${text}`))),
  );
  await until(() => other.texts().includes('{"id":3,"publish":{}}'));
  other.raw.destroy();
}

/** Runs `abuse`, which is answered with a close of `code`; it is counted once, and nobody else notices. */
async function expectClosed(socket: RawWebSocket, code: number, abuse: () => void): Promise<void> {
  const before = await figure(server, closedWith(code));
  abuse();
  const closing = await socket.closing();
  expect(closing?.code).toBe(code);
  await expectCounted(code, before + 1);
  socket.raw.destroy();
  await expectUnharmed();
}

async function expectCounted(code: number, count: number): Promise<void> {
  await eventually(
    `closes with ${code}`,
    5_000,
    () => figure(server, closedWith(code)),
    (closed) => closed === count,
  );
}

const malformed: readonly (readonly [string, string])[] = [
  ["half an object", '{"id":1'],
  ["an array", "[1]"],
  ["an array of commands", `[${connect}]`],
  ["a number", "7"],
  ["null", "null"],
  ["words", "hello"],
  ["two objects without a newline", `${connect}${connect}`],
  ["an empty frame", ""],
  ["newlines only", "\n\n\n"],
  ["U+0000", "\u0000"],
  ["a command of another type", '{"id":1,"connect":"now"}'],
  ["an id below zero", '{"id":-1,"connect":{}}'],
  ["an id above 32 bits", '{"id":4294967296,"connect":{}}'],
  ["an id of a thousand digits", `{"id":${"9".repeat(1_000)},"connect":{}}`],
  ["a fractional id", '{"id":1.5,"connect":{}}'],
  ["an id that is text", '{"id":"1","connect":{}}'],
  ["no id", '{"connect":{}}'],
  ["an unknown method", '{"id":1,"destroy":{}}'],
  ["a method that objects inherit", '{"id":1,"constructor":{}}'],
  ["a prototype", '{"id":1,"__proto__":{"connect":{}}}'],
  ["10,000 open brackets", "[".repeat(10_000)],
  [
    "10,000 nested arrays",
    `{"id":1,"rpc":{"method":"m","data":${"[".repeat(10_000)}${"]".repeat(10_000)}}}`,
  ],
];

for (const [what, frame] of malformed) {
  test(`before connect, ${what} is 3501`, async () => {
    const socket = await RawWebSocket.open(port, identity);
    await expectClosed(socket, 3501, () => socket.send(frame));
  });
}

for (const [what, frame] of malformed.filter(([what]) => !what.startsWith("10,000 nested"))) {
  test(`after connect, ${what} is 3501`, async () => {
    const socket = await connected();
    await expectClosed(socket, 3501, () => socket.send(frame));
  });
}

test("deep nesting inside a payload is data: it is answered, or refused as malformed", async () => {
  const socket = await connected();
  const deep = `${"[".repeat(10_000)}${"]".repeat(10_000)}`;
  socket.send(`{"id":2,"rpc":{"method":"m","data":${deep}}}`);
  socket.send(`{"id":3,"publish":{"channel":"room:deep","data":${deep}}}`);
  const answers = (): string[] => socket.texts().flatMap((text) => text.split("\n"));
  await until(() => answers().length === 3 || socket.raw.ended);
  if (!socket.raw.ended) {
    expect(answers()[1]).toStartWith('{"id":2,"error":{"code":104');
    expect(answers()[2]).toBe('{"id":3,"publish":{}}');
  }
  socket.raw.destroy();
  await expectUnharmed();
});

for (const method of [
  "subscribe",
  "unsubscribe",
  "publish",
  "presence",
  "presence_stats",
  "history",
  "rpc",
  "refresh",
  "sub_refresh",
  "send",
]) {
  test(`${method} before connect is 3501`, async () => {
    const socket = await RawWebSocket.open(port, identity);
    await expectClosed(socket, 3501, () =>
      socket.send(`{"id":1,"${method}":{"channel":"room:a"}}`),
    );
  });
}

test("a pong before connect is 3501", async () => {
  const socket = await RawWebSocket.open(port, identity);
  await expectClosed(socket, 3501, () => socket.send("{}"));
});

test("a pong that nobody asked for is 3501", async () => {
  const socket = await connected();
  await expectClosed(socket, 3501, () => socket.send("{}"));
});

test("a second connect is 3501, in a frame of its own and behind the first", async () => {
  const socket = await connected();
  await expectClosed(socket, 3501, () => socket.send('{"id":2,"connect":{}}'));
  const hasty = await RawWebSocket.open(port, identity);
  await expectClosed(hasty, 3501, () => hasty.send(`${connect}\n{"id":2,"connect":{}}`));
});

test("no connect within the deadline is 3502", async () => {
  const socket = await RawWebSocket.open(port, identity);
  await expectClosed(socket, 3502, () => {});
});

test("without a token, a user or leave to be anonymous, connect is 3501", async () => {
  const socket = await RawWebSocket.open(port);
  await expectClosed(socket, 3501, () => socket.send(connect));
});

test("several objects in a frame are answered in order; the first bad one ends it", async () => {
  const socket = await RawWebSocket.open(port, identity);
  socket.send(
    `${connect}\n{"id":2,"subscribe":{"channel":"room:several"}}\n{"id":3,"presence_stats":{"channel":"room:several"}}\n`,
  );
  await until(() => socket.texts().length === 3);
  expect(socket.texts().map((text) => text.slice(0, 8))).toEqual([
    '{"id":1,',
    '{"id":2,',
    '{"id":3,',
  ]);
  await expectClosed(socket, 3501, () =>
    socket.send('{"id":4,"presence_stats":{"channel":"room:several"}}\n{'),
  );
});

test("duplicate ids are answered each", async () => {
  const socket = await connected();
  const ask = '{"id":7,"presence_stats":{"channel":"room:duplicate"}}';
  socket.send(`${ask}\n${ask}`);
  socket.send(ask);
  await until(() => socket.texts().length === 4);
  expect(new Set(socket.texts().slice(1))).toEqual(
    new Set(['{"id":7,"presence_stats":{"num_clients":0,"num_users":0}}']),
  );
  socket.raw.destroy();
  await expectUnharmed();
});

test("the largest id comes back as it is", async () => {
  const socket = await connected();
  socket.send('{"id":4294967295,"presence_stats":{"channel":"room:a"}}');
  await until(() => socket.texts().length === 2);
  expect(socket.texts()[1]).toStartWith('{"id":4294967295,');
  socket.raw.destroy();
});

test("send that nobody takes is told of, and the connection stays", async () => {
  const socket = await connected();
  socket.send('{"send":{"data":{"type":"x"}}}');
  await until(() => socket.texts().length === 2);
  expect(socket.texts()[1]).toContain('"code":104');
  expect(socket.raw.ended).toBe(false);
  socket.raw.destroy();
});

/** A publish command of exactly `bytes`. */
function publishOf(bytes: number): string {
  const [head, tail] = ['{"id":2,"publish":{"channel":"room:big","data":"', '"}}'];
  return head + "x".repeat(bytes - head.length - tail.length) + tail;
}

test("64 KiB before connect pass, one byte more is 1009", async () => {
  const pad = 64 * kibibyte - '{"id":1,"connect":{"name":""}}'.length;
  const fits = await RawWebSocket.open(port, identity);
  fits.send(`{"id":1,"connect":{"name":"${"n".repeat(pad)}"}}`);
  await until(() => fits.texts().length === 1 || fits.raw.ended);
  expect(fits.texts()[0]).toStartWith('{"id":1,"connect":{');
  fits.raw.destroy();
  const over = await RawWebSocket.open(port, identity);
  await expectClosed(over, 1009, () =>
    over.send(`{"id":1,"connect":{"name":"${"n".repeat(pad + 1)}"}}`),
  );
});

test("512 KiB after connect pass, one byte more is 1009", async () => {
  const fits = await connected();
  fits.send(publishOf(512 * kibibyte));
  await until(() => fits.texts().length === 2 || fits.raw.ended);
  expect(fits.texts()[1]).toBe('{"id":2,"publish":{}}');
  fits.raw.destroy();
  const over = await connected();
  await expectClosed(over, 1009, () => over.send(publishOf(512 * kibibyte + 1)));
});

test("a frame that only claims to be huge is 1009 at once", async () => {
  const socket = await connected();
  await expectClosed(socket, 1009, () => socket.send("", { claimedLength: 2 ** 40 }));
});

test("many fragments that grow too large together are 1009", async () => {
  const socket = await connected();
  await expectClosed(socket, 1009, () => {
    socket.send("x".repeat(300 * kibibyte), { final: false });
    socket.send("x".repeat(300 * kibibyte), { opcode: opcodes.continuation });
  });
});

test("a command in fragments, with a ping between them, is one command", async () => {
  const socket = await connected();
  const command = '{"id":2,"presence_stats":{"channel":"room:fragments"}}';
  const pieces = command.split("").map((letter, index, all) =>
    clientFrame(letter, {
      opcode: index === 0 ? opcodes.text : opcodes.continuation,
      final: index === all.length - 1,
    }),
  );
  pieces.splice(9, 0, clientFrame("between", { opcode: opcodes.ping }));
  for (const piece of pieces) socket.raw.write(piece);
  await until(() => socket.texts().length === 2);
  expect(socket.texts()[1]).toStartWith('{"id":2,"presence_stats":');
  expect(
    socket
      .read()
      .some(({ opcode, payload }) => opcode === opcodes.pong && payload.toString() === "between"),
  ).toBe(true);
  socket.raw.destroy();
});

/** Frames that break RFC 6455. Bun closes these; what counts is that it is counted, as a protocol error or as lost. */
const breaches: readonly (readonly [string, () => Uint8Array])[] = [
  ["an unmasked frame", () => clientFrame(connect, { masked: false })],
  ["a continuation of nothing", () => clientFrame("x", { opcode: opcodes.continuation })],
  ["a reserved opcode", () => clientFrame("x", { opcode: 3 })],
  ["reserved bits", () => Uint8Array.of(0xf1, 0x80, 0, 0, 0, 0)],
  ["a ping of 126 bytes", () => clientFrame("x".repeat(126), { opcode: opcodes.ping })],
  ["a ping in fragments", () => clientFrame("x", { opcode: opcodes.ping, final: false })],
  ["text that is not UTF-8", () => clientFrame(Uint8Array.of(0xc3, 0x28, 0xff))],
  [
    "bytes at random",
    () => crypto.getRandomValues(new Uint8Array(4096)).map((byte, at) => (at === 0 ? 0xff : byte)),
  ],
];

for (const [what, bytes] of breaches) {
  test(`${what} ends the connection, and only that`, async () => {
    const socket = await connected();
    const before = await closes();
    socket.raw.write(bytes());
    await until(
      () => socket.raw.ended || socket.read().some(({ opcode }) => opcode === opcodes.close),
    );
    socket.raw.destroy();
    await eventually("counted", 5_000, closes, (after) => after.total === before.total + 1);
    const after = await closes();
    const codes = [...after.byCode].filter(
      ([code, count]) => count !== (before.byCode.get(code) ?? 0),
    );
    expect(codes).toHaveLength(1);
    expect(codes[0]?.[0]).toMatch(/^(1002|1006|1007)$/);
    await expectUnharmed();
  });
}

async function closes(): Promise<{
  readonly total: number;
  readonly byCode: ReadonlyMap<string, number>;
}> {
  const byCode = new Map<string, number>();
  let total = 0;
  for (const [name, count] of await figures(server)) {
    const code = /^switchyard_connections_closed_total\{.*code="(\w+)"/.exec(name)?.[1];
    if (code === undefined) continue;
    byCode.set(code, count);
    total += count;
  }
  return { total, byCode };
}

test("binary frames are text too when they are UTF-8, and 3501 when they are not", async () => {
  const socket = await connected();
  socket.send('{"id":2,"presence_stats":{"channel":"room:a"}}', { opcode: opcodes.binary });
  await until(() => socket.texts().length === 2);
  await expectClosed(socket, 3501, () =>
    socket.send(Uint8Array.of(0xff, 0xfe, 0, 1), { opcode: opcodes.binary }),
  );
});

test("more commands than fit in flight are refused, not kept", async () => {
  const socket = await connected();
  const before = await figure(server, closedWith(3509));
  const unknown = Array.from(
    { length: 500 },
    (_, at) => `{"id":${at + 2},"rpc":{"method":"none"}}`,
  );
  socket.send(unknown.join("\n"));
  expect((await socket.closing())?.code).toBe(3509); // 120 errors a minute
  await expectCounted(3509, before + 1);
  // Answers that are ready together share a frame.
  const answers = socket.texts().flatMap((text) => text.split("\n"));
  expect(answers.filter((text) => text.includes('"error"'))).toHaveLength(121);
  socket.raw.destroy();
  await expectUnharmed();
});

test("an upgrade that never ends holds nothing of the hub, and is cut off however it drips", async () => {
  const opened = await figure(server, 'switchyard_connections_opened_total{transport="websocket"}');
  const slow = await RawSocket.open(port);
  slow.write(`GET /connection/websocket HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n`);
  const drip = setInterval(() => slow.write("X-Drip: 1\r\n"), 200);
  try {
    await expectUnharmed();
    await expectUnharmed();
    expect(slow.ended).toBe(false);
    // Those two, and nobody else.
    expect(await figure(server, 'switchyard_connections_opened_total{transport="websocket"}')).toBe(
      opened + 2,
    );
    await until(() => slow.ended); // after 12 s
  } finally {
    clearInterval(drip);
    slow.destroy();
  }
});

test("a handshake that is none is refused with a status, and the connection stays with HTTP", async () => {
  const requests = [
    "GET /connection/websocket HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "POST /connection/websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n",
    "GET /connection/websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    "\u0016\u0003\u0001\u0002 TLS to a plain port\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n",
  ];
  for (const request of requests) {
    const socket = await RawSocket.open(port);
    socket.write(request);
    let answer = "";
    await until(() => {
      answer += socket.take().toString("latin1");
      return socket.ended || answer.includes("\r\n\r\n");
    });
    expect(answer === "" || /^HTTP\/1\.1 4\d\d /.test(answer)).toBe(true);
    socket.destroy();
  }
  await expectUnharmed();
});

test("half-open: a client that has sent FIN is gone, and so is one that was reset", async () => {
  const connections = () => figure(server, "switchyard_connections");
  const before = await connections();
  const half = await connected("half");
  const reset = await connected("reset");
  expect(await connections()).toBe(before + 2);
  half.raw.socket.end(); // FIN; it still reads
  reset.raw.reset();
  await eventually("both gone", 5_000, connections, (open) => open === before);
  await expectUnharmed();
  half.raw.destroy();
});
