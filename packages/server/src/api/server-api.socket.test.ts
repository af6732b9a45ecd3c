import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { createConnection, type Socket } from "node:net";
import { turn } from "@switchyard/testkit";
import { apiHarness } from "./harness/api-harness.ts";

const maxBodyBytes = 100_000;
const api = apiHarness({}, { maxBodyBytes });
const opened: RawClient[] = [];
let server: ReturnType<typeof Bun.serve>;

beforeAll(() => {
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => api.app.fetch(request),
  });
});
afterEach(() => {
  for (const client of opened.splice(0)) client.socket.destroy();
  api.calls.length = 0;
});
afterAll(() => server.stop(true));

/** What curl, PHP and others put on the wire, byte by byte. */
class RawClient {
  readonly socket: Socket;
  received = "";
  closed = false;

  constructor() {
    this.socket = createConnection({ host: "127.0.0.1", port: server.port ?? 0 });
    this.socket.on("data", (chunk: Buffer) => (this.received += chunk.toString("latin1")));
    this.socket.on("error", () => {}); // a reset: `closed` says it
    this.socket.on("close", () => (this.closed = true));
    opened.push(this);
  }

  send(text: string): void {
    this.socket.write(text);
  }

  /** Waits until `text` has come, or the server has closed. */
  async until(text: string): Promise<string> {
    while (!this.received.includes(text) && !this.closed) await turn();
    return this.received;
  }
}

const head = (path: string, ...headers: string[]): string =>
  [`POST ${path} HTTP/1.1`, "Host: localhost", "X-API-Key: k", ...headers, "", ""].join("\r\n");
const post = (path: string, body: string): string =>
  head(path, `Content-Length: ${Buffer.byteLength(body)}`) + body;
const statusLines = (text: string): string[] => text.match(/^HTTP\/1\.1 \d+/gm) ?? [];

describe("over real sockets", () => {
  test("a result, with its exact Content-Type and length", async () => {
    const client = new RawClient();
    client.send(post("/api/publish", '{"channel":"a","data":1}'));
    const answer = await client.until('{"result":{}}');
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(answer).toMatch(/^content-type: application\/json\r$/im);
    expect(answer).toMatch(/^content-length: 13\r$/im);
    expect(answer).toEndWith('\r\n\r\n{"result":{}}');
  });

  test("legacy replies end without a newline", async () => {
    const client = new RawClient();
    client.send(post("/api", '{"method":"info"}\n{"method":"info"}\n'));
    expect(await client.until("}}\n{")).toMatch(/^content-length: 47\r$/im);
    expect(await client.until('{"result":{"nodes":[]}}\n{"result":{"nodes":[]}}')).toEndWith(
      "[]}}",
    );
  });

  test.each(["GET", "HEAD", "OPTIONS", "DELETE"])(
    "%s is 405 with an empty body, without a key",
    async (verb) => {
      const client = new RawClient();
      client.send(`${verb} /api/info HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      client.send(post("/api/info", "{}"));
      const answer = await client.until('{"result"');
      expect(statusLines(answer)).toEqual(["HTTP/1.1 405", "HTTP/1.1 200"]);
      expect(answer).toMatch(/^allow: POST\r$/im);
      const [first] = answer.split("HTTP/1.1 200");
      expect(first).toEndWith("\r\n\r\n");
      expect(first).not.toMatch(/^content-type/im);
    },
  );

  test("double slashes are collapsed, not redirected", async () => {
    const client = new RawClient();
    client.send(post("//api//info", "{}"));
    expect(statusLines(await client.until('{"result"'))).toEqual(["HTTP/1.1 200"]);
  });

  test("Expect: 100-continue is answered before the body comes", async () => {
    const client = new RawClient();
    const body = `{"channel":"a","data":"${"x".repeat(5_000)}"}`;
    client.send(head("/api/publish", `Content-Length: ${body.length}`, "Expect: 100-continue"));
    expect(statusLines(await client.until("\r\n\r\n"))).toEqual(["HTTP/1.1 100"]);
    client.send(body);
    expect(statusLines(await client.until('{"result":{}}'))).toEqual([
      "HTTP/1.1 100",
      "HTTP/1.1 200",
    ]);
  });

  test("a chunked body", async () => {
    const client = new RawClient();
    client.send(head("/api/publish", "Transfer-Encoding: chunked"));
    client.send('b\r\n{"channel":\r\n');
    client.send('d\r\n"a","data":1}\r\n0\r\n\r\n');
    expect(statusLines(await client.until('{"result":{}}'))).toEqual(["HTTP/1.1 200"]);
    expect(api.calls.length).toBe(1);
  });

  test("a chunked body without an end is cut at the limit", async () => {
    const client = new RawClient();
    client.send(head("/api/publish", "Transfer-Encoding: chunked"));
    const chunk = `2710\r\n${" ".repeat(10_000)}\r\n`;
    let sent = 0;
    while (!client.received.includes("\r\n\r\n") && !client.closed && sent < 500) {
      client.send(chunk);
      sent += 1;
      await turn();
    }
    expect(statusLines(client.received)).toEqual(["HTTP/1.1 413"]);
    expect(sent).toBeGreaterThan(maxBodyBytes / 10_000);
    expect(api.calls).toEqual([]);
  });

  test("a chunked body one byte too long", async () => {
    const client = new RawClient();
    const body = `{}${" ".repeat(maxBodyBytes - 1)}`;
    client.send(
      `${head("/api/info", "Transfer-Encoding: chunked")}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    );
    expect(statusLines(await client.until("Too Large\n"))).toEqual(["HTTP/1.1 413"]);
  });

  test("a declared length above the limit is refused before the body comes", async () => {
    const client = new RawClient();
    client.send(head("/api/publish", `Content-Length: ${maxBodyBytes + 1}`));
    expect(statusLines(await client.until("Too Large\n"))).toEqual(["HTTP/1.1 413"]);
  });

  test("a body at the limit", async () => {
    const client = new RawClient();
    client.send(post("/api/info", `{}${" ".repeat(maxBodyBytes - 2)}`));
    expect(statusLines(await client.until('{"result"'))).toEqual(["HTTP/1.1 200"]);
  });

  test("a client that goes away in the middle of its body harms nobody", async () => {
    const gone = new RawClient();
    gone.send(head("/api/publish", "Content-Length: 100"));
    const { promise: sent, resolve } = Promise.withResolvers<void>();
    gone.socket.write('{"channel":"a"', () => resolve());
    await sent;
    gone.socket.destroy();
    const client = new RawClient();
    client.send(post("/api/info", "{}"));
    expect(statusLines(await client.until('{"result"'))).toEqual(["HTTP/1.1 200"]);
    expect(api.calls).toEqual([["info"]]);
    // Other tests' requests may be logged late; of this one's there is no second line.
    const cause = ({ fields }: (typeof api.logged)[number]): boolean => "cause" in fields;
    while (!api.logged.some(cause)) await turn();
    expect(api.logged.filter(cause).map(({ level }) => level)).toEqual(["info"]);
  });

  test("refused requests leave the connection usable", async () => {
    const client = new RawClient();
    client.send(`POST /api/info HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}`);
    client.send(post("/api/nothing", "{}"));
    client.send(post("/api/publish", '{"channel":'));
    client.send(post("/api/info", "{}"));
    expect(statusLines(await client.until('{"result"'))).toEqual([
      "HTTP/1.1 401",
      "HTTP/1.1 404",
      "HTTP/1.1 400",
      "HTTP/1.1 200",
    ]);
  });
});
