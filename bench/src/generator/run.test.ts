import { afterEach, describe, expect, test } from "bun:test";
import type { DialectOptions } from "./commands.ts";
import { GeneratorRun } from "./run.ts";

const SWITCHYARD: DialectOptions = {
  kind: "switchyard",
  apiKey: "key",
  tokenSecret: "secret",
  addressing: "channel",
  namespace: "bench",
  publishVia: "http",
};

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).toReversed()) cleanup();
});

/** A server of the bare dialect. `deliver` says how often the n-th publication is sent. */
function startBareServer(deliver: (publication: number) => number): number {
  let publications = 0;
  const server = Bun.serve<string>({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request, self) => {
      self.upgrade(request, { data: new URL(request.url).pathname.slice(1) });
      return undefined;
    },
    websocket: {
      open: (socket) => {
        if (socket.data !== "publish0") socket.subscribe(socket.data);
        socket.send("ready");
      },
      message: (_socket, message) => {
        const text = String(message);
        for (let copy = 0; copy < deliver(publications); copy += 1)
          server.publish(text.slice(0, 8), text.slice(8));
        publications += 1;
      },
    },
  });
  cleanups.push(() => void server.stop(true));
  return server.port ?? 0;
}

interface ScriptedPublication {
  readonly channel: string;
  readonly data: unknown;
}

/** Speaks just enough of the protocol: connect and subscribe in one frame, pings, publish and batch by HTTP. */
function startScriptedSwitchyard(script: { readonly refuse?: string; readonly joined?: boolean }): {
  port: number;
  seen: string[];
} {
  const seen: string[] = [];
  const push = (body: ScriptedPublication): string =>
    JSON.stringify({ push: { channel: body.channel, pub: { data: body.data } } });
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request, self) => {
      const path = new URL(request.url).pathname;
      if (path === "/connection/websocket")
        return self.upgrade(request) ? undefined : new Response(null, { status: 400 });
      seen.push(`${path} ${request.headers.get("X-API-Key")}`);
      // The generator under test wrote it.
      const body = (await request.json()) as ScriptedPublication & {
        commands: { publish: ScriptedPublication }[];
      };
      const publications =
        path === "/api/batch" ? body.commands.map((command) => command.publish) : [body];
      if (script.refuse !== undefined)
        return Response.json({ error: { code: 102, message: script.refuse } });
      if (script.joined === true) {
        server.publish(publications[0]?.channel ?? "", publications.map(push).join("\n"));
      } else {
        for (const publication of publications)
          server.publish(publication.channel, push(publication));
      }
      return Response.json(
        path === "/api/batch"
          ? { replies: publications.map(() => ({ publish: {} })) }
          : { result: {} },
      );
    },
    websocket: {
      open: () => undefined,
      message: (socket, message) => {
        const text = String(message);
        seen.push(text === "{}" ? "pong" : text.replaceAll(/"token":"[^"]+"/g, '"token":"…"'));
        if (text === "{}") return;
        const channel = /"channel":"([^"]+)"/.exec(text)?.[1] ?? "";
        socket.subscribe(channel);
        socket.send(
          '{"id":1,"connect":{"client":"c","ping":25,"pong":true}}\n{"id":2,"subscribe":{}}',
        );
        socket.send("{}");
      },
    },
  });
  cleanups.push(() => void server.stop(true));
  return { port: server.port ?? 0, seen };
}

async function open(
  port: number,
  dialect: DialectOptions,
  subscribers: number,
  topics: number,
): Promise<GeneratorRun> {
  const { run } = await GeneratorRun.open({
    kind: "open",
    port,
    serverPid: process.pid,
    dialect,
    subscribers,
    topics,
    publishes: true,
  });
  cleanups.push(() => run.close());
  return run;
}

describe("GeneratorRun", () => {
  test("counts every delivery of a server that delivers all", async () => {
    const run = await open(
      startBareServer(() => 1),
      { kind: "bare" },
      40,
      1,
    );
    const first = await run.measure({ kind: "measure", rate: 200, seconds: 0.25 });
    const second = await run.measure({ kind: "measure", rate: 400, seconds: 0.25 });
    expect(
      [first, second].map(({ publications, expectedDeliveries, deliveries, lost, duplicated }) => ({
        publications,
        expectedDeliveries,
        deliveries,
        lost,
        duplicated,
      })),
    ).toEqual([
      { publications: 50, expectedDeliveries: 2_000, deliveries: 2_000, lost: 0, duplicated: 0 },
      { publications: 100, expectedDeliveries: 4_000, deliveries: 4_000, lost: 0, duplicated: 0 },
    ]);
    expect(second.latencySamples).toBe(4_000);
    expect(second.latencyMs.p50).toBeGreaterThan(0);
  });

  test("counts exactly what a server loses and sends twice", async () => {
    const run = await open(
      startBareServer((publication) => (publication === 3 ? 0 : publication === 7 ? 2 : 1)),
      { kind: "bare" },
      6,
      2,
    );
    const measured = await run.measure({ kind: "measure", rate: 100, seconds: 0.1 });
    // Publications alternate between two topics with three subscribers each; 3 and 7 are both of the second topic.
    expect(measured).toMatchObject({
      publications: 10,
      expectedDeliveries: 30,
      deliveries: 30,
      lost: 0,
      duplicated: 0,
    });
    const losing = await open(
      startBareServer((publication) => (publication === 3 ? 0 : publication === 6 ? 2 : 1)),
      { kind: "bare" },
      6,
      2,
    );
    expect(await losing.measure({ kind: "measure", rate: 100, seconds: 0.1 })).toMatchObject({
      lost: 3,
      duplicated: 3,
      inexactSubscribers: 6,
    });
  });

  test("speaks to Switchyard: connect and subscribe in one frame, pongs, publishing by HTTP", async () => {
    const { port, seen } = startScriptedSwitchyard({});
    const run = await open(port, SWITCHYARD, 3, 1);
    const measured = await run.measure({ kind: "measure", rate: 100, seconds: 0.1 });
    expect(measured).toMatchObject({
      deliveries: 30,
      lost: 0,
      duplicated: 0,
      publishErrors: 0,
      firstError: undefined,
    });
    expect(seen.filter((line) => line === "pong")).toHaveLength(3);
    expect(seen.filter((line) => line.startsWith("{"))).toEqual(
      Array.from(
        { length: 3 },
        () => '{"id":1,"connect":{"token":"…"}}\n{"id":2,"subscribe":{"channel":"bench:0"}}',
      ),
    );
    expect(seen.some((line) => line === "/api/publish key")).toBe(true);
  });

  test("counts several publications in one frame", async () => {
    const { port, seen } = startScriptedSwitchyard({ joined: true });
    const run = await open(port, SWITCHYARD, 40, 1);
    // At 20,000/s some twenty are due in every tick, which makes batches.
    expect(await run.measure({ kind: "measure", rate: 20_000, seconds: 0.05 })).toMatchObject({
      deliveries: 40_000,
      lost: 0,
      duplicated: 0,
    });
    expect(seen.some((line) => line === "/api/batch key")).toBe(true);
  });

  test("reports refused publications, and what is then missing", async () => {
    const { port } = startScriptedSwitchyard({ refuse: "unknown channel" });
    const run = await open(port, SWITCHYARD, 2, 1);
    const measured = await run.measure({ kind: "measure", rate: 50, seconds: 0.1 });
    expect(measured).toMatchObject({ lost: 10, publishErrors: 5 });
    expect(measured.firstError).toContain("unknown channel");
  });

  test("fails with the server's reason when a subscriber is refused", async () => {
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: () => new Response("no", { status: 403 }),
    });
    cleanups.push(() => void server.stop(true));
    const options = {
      kind: "open",
      port: server.port ?? 0,
      serverPid: process.pid,
      dialect: SWITCHYARD,
      subscribers: 2,
      topics: 1,
      publishes: false,
    } as const;
    await expect(GeneratorRun.open(options)).rejects.toThrow("upgrade refused: HTTP/1.1 403");
  });
});
