import { expect, test } from "bun:test";
import { startEdges } from "../harness/edge-server.ts";

const post = (url: string, body: string): Promise<Response> =>
  fetch(`${url}/emulation`, { method: "POST", body });
const command = { session: "s", node: "n", data: '{"id":2}\n{"id":3}' };

test("hands commands to the hub as they came", async () => {
  await using fixture = startEdges();
  const response = await post(fixture.url, JSON.stringify(command));
  expect([response.status, await response.text()]).toEqual([204, ""]);
  expect(fixture.hub.emulated).toEqual([command]);
});

test("404 for an unknown node or session, 503 when the node does not answer", async () => {
  await using fixture = startEdges();
  fixture.hub.emulation = async () => "unknown";
  expect((await post(fixture.url, JSON.stringify(command))).status).toBe(404);
  fixture.hub.emulation = () => Promise.reject(new Error("no answer"));
  expect((await post(fixture.url, JSON.stringify(command))).status).toBe(503);
});

test("400 for what is malformed, 413 for what is too large, and the hub sees nothing", async () => {
  await using fixture = startEdges();
  const malformed = [
    "",
    "{",
    "[]",
    "null",
    JSON.stringify({ ...command, data: { id: 1 } }),
    JSON.stringify({ ...command, node: "" }),
    JSON.stringify({ ...command, session: undefined }),
  ];
  for (const body of malformed)
    expect([body, (await post(fixture.url, body)).status]).toEqual([body, 400]);
  expect(
    (await post(fixture.url, JSON.stringify({ ...command, data: "x".repeat(65_536) }))).status,
  ).toBe(413);
  expect(fixture.hub.emulated).toEqual([]);
});
