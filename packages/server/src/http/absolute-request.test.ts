import { expect, test } from "bun:test";
import { RawSocket } from "../edges/harness/raw-socket.ts";
import { until } from "../edges/harness/until.ts";
import { absoluteRequest } from "./absolute-request.ts";

/** The status line and the body of the answer to `request`, by a server that answers with the URL it was asked for. */
async function answerTo(request: string): Promise<readonly [string | undefined, string]> {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (given) => {
      const absolute = absoluteRequest(given);
      if (absolute instanceof Response) return absolute;
      const headers = { Connection: "close" };
      return new Response(`${absolute.method} ${absolute.url} ${await absolute.text()}`, {
        headers,
      });
    },
  });
  try {
    const raw = await RawSocket.open(server.port ?? 0);
    raw.write(request);
    await until(() => raw.ended);
    const [head = "", body = ""] = raw.take().toString().split("\r\n\r\n");
    return [head.split(" ")[1], body];
  } finally {
    await server.stop(true);
  }
}

test("a probe without a Host header is routed by its path", async () => {
  const probe = "GET /health/live?verbose HTTP/1.0\r\n\r\n";
  expect(await answerTo(probe)).toEqual(["200", "GET http://localhost/health/live?verbose "]);
  const post = "POST /api/info HTTP/1.1\r\nHost: \r\nContent-Length: 2\r\n\r\n{}";
  expect(await answerTo(post)).toEqual(["200", "POST http://localhost/api/info {}"]);
});

test("a Host header that is none is answered with 400", async () => {
  for (const host of ["[", "a b", "a?b", "a#b", "a/../b"])
    expect([host, await answerTo(`GET /metrics HTTP/1.1\r\nHost: ${host}\r\n\r\n`)]).toEqual([
      host,
      ["400", "The Host header is malformed.\n"],
    ]);
});

test("everything else passes as it is", async () => {
  const usual = "GET /api//info?x=1 HTTP/1.1\r\nHost: [::1]:8000\r\n\r\n";
  expect(await answerTo(usual)).toEqual(["200", "GET http://[::1]:8000/api//info?x=1 "]);
});
