import { describe, expect, test } from "bun:test";
import { fuzzSeeds, SeededRandom } from "@switchyard/testkit";
import { apiHarness } from "./harness/api-harness.ts";
import { apiMethods } from "./method-table.ts";

const mutationsPerSeed = 400;

/** Every member of every method, right. */
const members = {
  channel: "a",
  channels: ["a", "b"],
  data: { n: 1 },
  b64data: "e30=",
  info: [1],
  b64info: "MQ==",
  params: null,
  skip_history: true,
  tags: { k: "v" },
  idempotency_key: "i",
  delta: false,
  version: 1,
  version_epoch: "e",
  user: "u",
  users: ["u"],
  client: "c",
  session: "s",
  all_users: false,
  expire_at: 5,
  expired: true,
  recover_since: { offset: 1, epoch: "e" },
  since: { offset: 1, epoch: "e" },
  limit: 10,
  reverse: false,
  override: { presence: { value: true }, join_leave: true },
  whitelist: ["c"],
  disconnect: { code: 4_000, reason: "r" },
  pattern: "a*",
  method: "m",
  expression: "",
  cursor: "",
} as const;

const hostile = [
  "null",
  "true",
  "0",
  "-0",
  "1e999",
  "1.0",
  "99999999999999999999",
  '""',
  '"\\ud800"',
  '"\\u0000"',
  "[]",
  "[[]]",
  "{}",
  '{"":{}}',
  "[null]",
  '{"__proto__":{"x":1}}',
  '{"constructor":5}',
  '"a\\"}"',
  '"\ufeff"',
  "[1,",
  "}",
  '"',
  "\\",
  "\u0000",
  '{"a":1}{"a":2}',
  " \n\r\t ",
  "5".repeat(400),
] as const;

function bodyFor(random: SeededRandom, path: string): string {
  const request = JSON.stringify(
    Object.fromEntries(Object.entries(members).filter(() => random.chance(0.6))),
  );
  const method = random.pick(apiMethods).name;
  if (path === "/api/batch")
    return `{"commands":[{"${method}":${request}},{"${random.pick(apiMethods).name}":{}}],"parallel":${random.chance(0.5)}}`;
  if (path === "/api")
    return `{"id":1,"method":"${method}","params":${request}}\n{"method":${random.int(14)},"params":${request}}`;
  return request;
}

/** A value replaced, a piece cut out, doubled or turned round, a byte changed. */
function mutate(text: string, random: SeededRandom): string {
  const at = random.int(text.length + 1);
  const end = Math.min(text.length, at + random.int(12));
  switch (random.int(6)) {
    case 0:
      return text.replace(
        random.pick([/:[^,:{}[\]]+/, /:\{[^{}]*\}/, /:\[[^[\]]*\]/]),
        () => `:${random.pick(hostile)}`,
      );
    case 1:
      return text.slice(0, at) + text.slice(end);
    case 2:
      return text.slice(0, end) + text.slice(at);
    case 3:
      return text.slice(0, at) + random.pick(hostile) + text.slice(at);
    case 4:
      return (
        text.slice(0, at) +
        String.fromCharCode(random.int(random.chance(0.8) ? 128 : 65_536)) +
        text.slice(at + 1)
      );
    default:
      return text.slice(0, at) + text.slice(at, end).toUpperCase() + text.slice(end);
  }
}

describe("mutated requests", () => {
  test.each(fuzzSeeds(10).map((seed) => [seed]))("never end in a fault: seed %d", async (seed) => {
    const random = new SeededRandom(seed);
    const api = apiHarness();
    const paths = ["/api", "/api/batch", ...apiMethods.map(({ name }) => `/api/${name}`)];
    const statuses = new Map<number, number>();
    for (let round = 0; round < mutationsPerSeed; round += 1) {
      const path = random.pick(paths);
      let text = bodyFor(random, path);
      for (let times = random.int(4); times > 0; times -= 1) text = mutate(text, random);
      const bytes = Buffer.from(text);
      if (random.chance(0.1) && bytes.length > 0) bytes[random.int(bytes.length)] = random.int(256);
      const [status, body] = await api.post(path, new Uint8Array(bytes));
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      expect({ path, text, status, wellFormed: isExpected(path, status, body) }).toEqual({
        path,
        text,
        status: status === 400 ? 400 : 200,
        wellFormed: true,
      });
    }
    // Both must have been met, or the mutations say nothing.
    expect(statuses.get(200)).toBeGreaterThan(50);
    expect(statuses.get(400)).toBeGreaterThan(50);
    const faults = api.logged.filter(({ level }) => level === "error");
    expect(faults).toEqual([]);
  });
});

function isExpected(path: string, status: number, body: string): boolean {
  if (status === 400) return body === "Bad Request\n";
  if (path === "/api")
    return (
      body === "" || body.split("\n").every((line) => hasMembers(line, ["id", "result", "error"]))
    );
  return hasMembers(body, path === "/api/batch" ? ["replies"] : ["result", "error"]);
}

function hasMembers(text: string, allowed: readonly string[]): boolean {
  const parsed: object = JSON.parse(text);
  return (
    Object.keys(parsed).length > 0 && Object.keys(parsed).every((name) => allowed.includes(name))
  );
}
