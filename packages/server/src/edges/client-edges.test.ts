import { expect, test } from "bun:test";
import { createHostCheck } from "../config/host-check.ts";
import { createOriginCheck } from "../config/origin-check.ts";
import { startEdges } from "./harness/edge-server.ts";
import { RawWebSocket } from "./harness/raw-web-socket.ts";

const endpoints = [
  "/connection/websocket",
  "/connection/http_stream",
  "/connection/sse",
  "/emulation",
];

test("leaves all other paths to the next handler", async () => {
  await using fixture = startEdges();
  for (const path of [
    "/",
    "/connection",
    "/connection/websocket/",
    "/emulation/x",
    "/api?path=/emulation",
  ]) {
    expect([path, await (await fetch(`${fixture.url}${path}`)).text()]).toEqual([
      path,
      "elsewhere",
    ]);
  }
});

test("refuses other hosts and origins on every endpoint, and says what to configure", async () => {
  await using fixture = startEdges({
    allowsHost: createHostCheck({ allowedHosts: ["127.0.0.1"] }),
    allowsOrigin: createOriginCheck({ allowedOrigins: ["https://page.test"] }),
  });
  for (const path of endpoints) {
    const host = await fetch(`${fixture.url}${path}`, {
      method: "POST",
      headers: { Host: "evil.test" },
    });
    expect([host.status, await host.text()]).toEqual([
      403,
      'Host "evil.test" is not allowed. Add it to allowed_hosts (SWITCHYARD_ALLOWED_HOSTS).\n',
    ]);
    const origin = await fetch(`${fixture.url}${path}`, {
      method: "POST",
      headers: { Origin: "https://evil.test" },
    });
    expect([origin.status, await origin.text()]).toEqual([
      403,
      'Origin "https://evil.test" is not allowed. Add it to allowed_origins (SWITCHYARD_ALLOWED_ORIGINS).\n',
    ]);
    expect(origin.headers.get("access-control-allow-origin")).toBeNull();
  }
  const statusOf = async (headers: string): Promise<string | undefined> => {
    const { responseHead, raw } = await RawWebSocket.open(fixture.port, { headers });
    raw.destroy();
    return responseHead.split(" ")[1];
  };
  expect(await statusOf("Origin: https://evil.test\r\n")).toBe("403");
  expect(await statusOf("Origin: https://page.test\r\n")).toBe("101");
  expect(await statusOf(`Origin: ${fixture.url}\r\n`)).toBe("101");
  expect(await statusOf("")).toBe("101");
});

test("answers preflights of allowed origins", async () => {
  await using fixture = startEdges({ allowsOrigin: (origin) => origin !== "https://evil.test" });
  for (const path of endpoints) {
    const headers = {
      Origin: "https://page.test",
      "Access-Control-Request-Headers": "content-type, x-trace",
    };
    const response = await fetch(`${fixture.url}${path}`, { method: "OPTIONS", headers });
    expect(response.status).toBe(204);
    expect(response.headers.get("access-control-allow-origin")).toBe("https://page.test");
    expect(response.headers.get("access-control-allow-headers")).toBe("content-type, x-trace");
    expect(response.headers.get("access-control-allow-methods")).toMatch(/^(GET|POST|GET, POST)$/);
    expect(response.headers.get("vary")).toBe("Origin");
  }
  const refused = await fetch(`${fixture.url}/emulation`, {
    method: "OPTIONS",
    headers: { Origin: "https://evil.test" },
  });
  expect(refused.status).toBe(403);
});
