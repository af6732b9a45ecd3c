import { expect, test } from "bun:test";
import { rm } from "node:fs/promises";
import { fuzzSeeds, type RunningServer, SeededRandom, startServer } from "@switchyard/testkit";
import { ChannelReader } from "./harness/channel-reader.ts";
import { QueueDrain } from "./harness/queue-drain.ts";
import { ReplayProcess } from "./harness/replay-process.ts";
import {
  expectedLines,
  findRetailDay,
  retailDayLines,
  withoutRetailDay,
} from "./harness/retail-day.ts";

const retailDay = findRetailDay();
/** Without the file: skipped, in CI failed. */
const realTest = test.skipIf(retailDay === undefined && process.env["CI"] !== "true");

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`in vain until ${what}`);
    await Bun.sleep(10);
  }
}

async function declare(server: RunningServer): Promise<void> {
  const send = async (method: string, path: string, body: unknown): Promise<void> => {
    const response = await fetch(`${server.url}${path}`, {
      method,
      headers: { "Content-Type": "application/json", "X-API-Key": server.apiKey },
      body: JSON.stringify(body),
    });
    expect({ path, status: response.status }).toEqual({ path, status: 201 });
  };
  await send("PUT", "/v1/exchanges/retail", { type: "topic" });
  await send("PUT", "/v1/exchanges/retail.headers", { type: "headers" });
  for (const queue of ["uk", "cancellations", "everything"])
    await send("PUT", `/v1/queues/${queue}`, {});
  const bind = (body: unknown): Promise<void> => send("POST", "/v1/bindings", body);
  await bind({
    exchange: "retail",
    key: "#",
    destination: { type: "exchange", name: "retail.headers" },
  });
  await bind({
    exchange: "retail",
    key: "United Kingdom.#",
    destination: { type: "queue", name: "uk" },
  });
  await bind({ exchange: "retail", key: "#", destination: { type: "queue", name: "everything" } });
  await bind({
    exchange: "retail",
    key: "#",
    destination: { type: "channel", name: "inventory:{key.1}" },
  });
  await bind({
    exchange: "retail.headers",
    key: "",
    match: { mode: "all", headers: { cancelled: true } },
    destination: { type: "queue", name: "cancellations" },
  });
}

/** The file, or a failure that says what to do. */
function requireRetailDay(): string {
  if (retailDay === undefined)
    throw new Error("In CI the real day must be there: give its file in SWITCHYARD_RETAIL_CSV");
  return retailDay;
}

function replayOf(file: string, server: RunningServer, speed: string): ReplayProcess {
  return new ReplayProcess(
    [
      ...[file, "--exchange", "retail", "--key", "{Country}.{InvoiceNo}"],
      ...["--headers", "cancelled=InvoiceNo~^C"],
      ...["--speed", speed, "--url", server.url],
    ],
    { SWITCHYARD_API_KEY: server.apiKey },
  );
}

realTest(
  "a real day through a topic exchange, with nacks and two kills: every line in every queue, exactly",
  async () => {
    const file = requireRetailDay();
    const lines = expectedLines(file);
    const numbersOf = (where: (line: (typeof lines)[number]) => boolean): number[] =>
      lines.flatMap((line, index) => (where(line) ? [index + 1] : []));
    const random = new SeededRandom(fuzzSeeds(1)[0] ?? 1);
    let server = await startServer({ env: withoutRetailDay });
    const { dataDir, port, apiKey, url } = server;
    try {
      await declare(server);
      const drains = ["uk", "cancellations", "everything"].map(
        (queue) => new QueueDrain({ url, apiKey, queue, random: () => random.next() }),
      );
      const [uk, cancellations, everything] = drains;
      if (!uk || !cancellations || !everything) throw new Error("three drains");
      await using replay = replayOf(file, server, "7200");
      for (const share of [500, 1_100]) {
        await until(`${share} lines have been seen`, () => everything.seen.size >= share);
        await server.kill();
        server = await startServer({
          env: withoutRetailDay,
          dataDir,
          args: ["--http-port", String(port)],
        });
      }
      expect(await replay.exit()).toMatchObject({ code: 0 });
      await until("the queues are empty", async () => {
        const response = await fetch(`${url}/v1/queues`, { headers: { "X-API-Key": apiKey } });
        // As the API documents it.
        const { queues } = (await response.json()) as {
          queues: { ready: number; unsettled: number; delayed: number }[];
        };
        return queues.every(({ ready, unsettled, delayed }) => ready + unsettled + delayed === 0);
      });
      await Promise.all(drains.map((drain) => drain.stop()));
      const ascending = (one: number, other: number): number => one - other;
      expect(everything.seen.size).toBe(retailDayLines);
      expect([...everything.seen].toSorted(ascending)).toEqual(numbersOf(() => true));
      expect([...uk.seen].toSorted(ascending)).toEqual(
        numbersOf(({ country }) => country === "United Kingdom"),
      );
      expect([...cancellations.seen].toSorted(ascending)).toEqual(
        numbersOf(({ data }) => String(data["InvoiceNo"]).startsWith("C")),
      );
      for (const drain of drains) {
        // No line was acknowledged twice, none came again unflagged, and new ones came in order.
        expect(new Set(drain.acknowledged).size).toBe(drain.acknowledged.length);
        expect(drain.unflagged).toEqual([]);
        expect(drain.firstDeliveries).toEqual(drain.firstDeliveries.toSorted(ascending));
      }
      expect(everything.nacks).toBeGreaterThan(50);
      expect(everything.failures).toBeGreaterThan(0);
    } finally {
      await server[Symbol.asyncDispose]();
      await rm(dataDir, { recursive: true, force: true });
    }
  },
  120_000,
);

realTest(
  "a real day through a binding to a channel per country: every line once, in order",
  async () => {
    const file = requireRetailDay();
    const lines = expectedLines(file);
    const expected = Map.groupBy(
      lines,
      ({ country }) => `inventory:${encodeURIComponent(country)}`,
    );
    await using server = await startServer({ env: withoutRetailDay });
    await declare(server);
    using reader = await ChannelReader.open(new URL(server.url).host, [...expected.keys()]);
    await using replay = replayOf(file, server, "0");
    const exit = await replay.exit();
    expect(exit).toMatchObject({ code: 0 });
    expect(exit.out).toStartWith("1,694 lines to the exchange retail in ");
    await until("all lines are there", () => reader.count >= retailDayLines);
    expect(new Map(reader.received)).toEqual(
      new Map([...expected].map(([channel, of]) => [channel, of.map(({ data }) => data)])),
    );
  },
  60_000,
);
