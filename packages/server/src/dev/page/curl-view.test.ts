import { expect, test } from "bun:test";
import { curlCommand } from "./curl-view.ts";

test("a shell hands curl exactly the request, whatever the channel's name holds", async () => {
  const channel = `chat:it's "$HOME" \\ \`date\``;
  const command = curlCommand("http://localhost:8000", channel).replace(/^curl/, `printf '%s\\n'`);
  const shell = Bun.spawn(["sh", "-c", command], { env: { SWITCHYARD_API_KEY: "key" } });
  const [url, flag, header, data, body] = (await new Response(shell.stdout).text()).split("\n");
  expect([url, flag, header, data]).toEqual([
    "http://localhost:8000/api/publish",
    "-H",
    "X-API-Key: key",
    "-d",
  ]);
  expect(JSON.parse(body ?? "")).toEqual({ channel, data: { text: "hello from the backend" } });
});
