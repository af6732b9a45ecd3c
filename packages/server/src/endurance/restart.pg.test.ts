import { expect, setDefaultTimeout, test } from "bun:test";
import { fuzzSeeds, type RunningServer, SeededRandom, startServer } from "@switchyard/testkit";
import { until } from "../edges/harness/until.ts";
import { ApplicationRows } from "./harness/application-rows.ts";
import { DataDirectory } from "./harness/data-directory.ts";
import { SdkSubscriber } from "./harness/sdk-subscriber.ts";
import { callApi } from "./harness/server-figures.ts";
import { cli, shim, SpawnedCommand } from "./harness/spawned-command.ts";

setDefaultTimeout(60_000);

const channel = "chat:restart";
const isReady = /"msg":"ready"/;

function serveFlags(directory: DataDirectory): string[] {
  const flags = ["--http-port", "0", "--data-dir", directory.path, "--log-format", "json"];
  return ["--dev", ...flags];
}

function serve(directory: DataDirectory, more: readonly string[] = []): SpawnedCommand {
  return new SpawnedCommand([process.execPath, cli, "serve", ...serveFlags(directory), ...more]);
}

/** Starts again, sees `rows`, stops in order and leaves nothing behind. */
async function expectIntact(directory: DataDirectory, rows: readonly string[]): Promise<void> {
  await using server = await startServer({ dataDir: directory.path });
  expect(await new ApplicationRows(directory.path).all()).toEqual([...rows]);
  expect(await server.stop()).toBe(0);
  await directory.untilDeserted();
}

test("kill -9 of the server alone: the next one takes over its PostgreSQL", async () => {
  await using directory = await DataDirectory.make();
  const rows = new ApplicationRows(directory.path);
  let postmaster: number;
  {
    await using command = serve(directory);
    await command.printed(isReady);
    await rows.add("before");
    postmaster = await directory.postmaster();
    command.signal("SIGKILL");
    await command.exited;
  }
  expect((await directory.processes()).map(({ pid }) => pid)).toContain(postmaster);
  await using server = await startServer({ dataDir: directory.path });
  expect(await directory.postmaster()).toBe(postmaster);
  expect(server.log()).toContain("took over the PostgreSQL");
  expect(await rows.all()).toEqual(["before"]);
  expect(await server.stop()).toBe(0);
  await directory.untilDeserted();
});

test("kill -9 of the server's whole process group", async () => {
  await using directory = await DataDirectory.make();
  {
    await using command = serve(directory);
    await command.printed(isReady);
    await new ApplicationRows(directory.path).add("before");
    command.killGroup();
    await command.exited;
  }
  await expectIntact(directory, ["before"]);
});

test("kill -9 of the server and of its PostgreSQL: crash recovery", async () => {
  await using directory = await DataDirectory.make();
  {
    await using command = serve(directory);
    await command.printed(isReady);
    await new ApplicationRows(directory.path).add("before");
    const postmaster = await directory.postmaster();
    command.killGroup();
    process.kill(postmaster, "SIGKILL");
    await command.exited;
  }
  await expectIntact(directory, ["before"]);
});

/** With the exit code: npm's shell ends by the SIGINT that it got too. */
const waysToStart: readonly (readonly [string, number, (directory: DataDirectory) => string[]])[] =
  [
    ["the Node shim", 0, (directory) => ["node", shim, "serve", ...serveFlags(directory)]],
    ["npm start", 130, (directory) => ["npm", "start", "--", ...serveFlags(directory).slice(1)]],
    ["Bun itself", 0, (directory) => [process.execPath, cli, "serve", ...serveFlags(directory)]],
  ];

for (const [name, code, command] of waysToStart) {
  test(`Ctrl-C in a terminal, started through ${name}: all end in order`, async () => {
    await using directory = await DataDirectory.make();
    {
      await using running = new SpawnedCommand(command(directory), { terminal: true });
      await running.printed(isReady);
      await new ApplicationRows(directory.path).add("before");
      running.pressCtrlC();
      expect(await running.exited).toBe(code);
      expect(running.output.match(/"msg":"stopped"/g)).toHaveLength(1);
    }
    await directory.untilDeserted();
    await expectIntact(directory, ["before"]);
  });
}

for (const signal of ["SIGTERM", "SIGHUP", "SIGINT"] as const) {
  test(`${signal}: ends in order with exit code 0`, async () => {
    await using directory = await DataDirectory.make();
    {
      await using command = serve(directory);
      await command.printed(isReady);
      await new ApplicationRows(directory.path).add("before");
      command.signal(signal);
      expect(await command.exited).toBe(0);
      expect(command.output).toContain('"msg":"stopped"');
    }
    await directory.untilDeserted();
    await expectIntact(directory, ["before"]);
  });
}

test("a second SIGINT ends the server at once; the next start finds everything", async () => {
  await using directory = await DataDirectory.make();
  {
    // Ten clients are told to go one by one, so that the end takes a while.
    await using command = serve(directory, ["--shutdown-spread", "4s"]);
    await command.printed(isReady);
    const url = /"url":"http(:[^"]+)"/.exec(command.output)?.[1] ?? "";
    using stack = new DisposableStack();
    const clients = Array.from({ length: 10 }, () =>
      stack.use(new SdkSubscriber(`ws${url}`, channel)),
    );
    await until(() => clients.every(({ subscribed }) => subscribed.length === 1));
    await new ApplicationRows(directory.path).add("before");
    command.signal("SIGINT");
    await command.printed(/"msg":"stopping"/);
    // Within a second it would count as the same request, passed on twice.
    await Bun.sleep(1_200);
    command.signal("SIGINT");
    expect(await command.exited).toBe(1);
    expect(command.output).not.toContain('"msg":"stopped"');
  }
  await expectIntact(directory, ["before"]);
});

for (const seed of fuzzSeeds(1)) {
  test(`killed during its start, ten times at random moments (seed ${seed})`, async () => {
    const random = new SeededRandom(seed);
    await using fresh = await DataDirectory.make();
    await using used = await DataDirectory.make();
    await using first = await startServer({ dataDir: used.path });
    await new ApplicationRows(used.path).add("before");
    expect(await first.stop()).toBe(0);
    // A first start makes the database, which takes longer.
    for (const [directory, kills, latestMs] of [
      [fresh, 4, 2_500],
      [used, 6, 1_200],
    ] as const) {
      for (let kill = 0; kill < kills; kill += 1) {
        await using command = serve(directory);
        // The moment is the test's input, not a wait for something.
        await Bun.sleep(random.int(latestMs));
        if (random.chance(0.5)) command.killGroup();
        else command.signal("SIGKILL");
        await command.exited;
      }
    }
    await expectIntact(used, ["before"]);
    await using server = await startServer({ dataDir: fresh.path });
    await new ApplicationRows(fresh.path).add("works");
    expect(await server.stop()).toBe(0);
    await fresh.untilDeserted();
  });
}

test("a stop that is asked for during the start ends in order", async () => {
  await using directory = await DataDirectory.make();
  {
    await using command = serve(directory);
    await command.printed(/"msg":"PostgreSQL is ready"/);
    command.signal("SIGTERM");
    expect(await command.exited).toBe(0);
  }
  await directory.untilDeserted();
});

test("a second server on the same data directory is refused, and the first does not notice", async () => {
  await using directory = await DataDirectory.make();
  await using server = await startServer({ dataDir: directory.path });
  await using second = serve(directory);
  expect(await second.exited).toBe(1);
  expect(second.output).toContain(`is in use by another server, process ${server.pid}`);
  expect(second.output).toContain("Stop that one first");
  expect(second.output).not.toMatch(/^ {4}at /m); // no stack
  expect(await (await fetch(`${server.url}/health/ready`)).json()).toEqual({
    status: "ok",
    checks: { store: "ok", bus: "ok", broker: "ok" },
  });
});

/** Publishes {"n":from}, {"n":from+1}, … one after the other until one is not accepted. Returns what was accepted. */
async function publishUntilRefused(server: RunningServer, from: number): Promise<number[]> {
  const accepted: number[] = [];
  for (let n = from; ; n += 1) {
    try {
      await callApi(server, "publish", { channel, data: { n } });
      accepted.push(n);
    } catch {
      return accepted;
    }
  }
}

async function publishAll(server: RunningServer, numbers: readonly number[]): Promise<void> {
  for (const n of numbers) {
    await callApi(server, "publish", { channel, data: { n } });
  }
}

const onPort = (server: RunningServer): readonly string[] => ["--http-port", String(server.port)];

test("SIGTERM and a start while publishing goes on: SDK clients lose nothing that was confirmed, and get nothing twice", async () => {
  await using directory = await DataDirectory.make();
  await using first = await startServer({
    dataDir: directory.path,
    args: ["--shutdown-spread", "600ms"],
  });
  const origin = first.url.replace("http", "ws");
  using stack = new DisposableStack();
  const clients = Array.from({ length: 5 }, () => stack.use(new SdkSubscriber(origin, channel)));
  await until(() => clients.every(({ subscribed }) => subscribed.length === 1));
  const publishers = [0, 1, 2].map((publisher) =>
    publishUntilRefused(first, 1 + publisher * 1_000_000),
  );
  await until(() => clients.every(({ publications }) => publications.length >= 100));
  expect(await first.stop()).toBe(0);
  const confirmed = (await Promise.all(publishers)).flat();

  await using second = await startServer({ dataDir: directory.path, args: onPort(first) });
  await publishAll(second, [9_000_001, 9_000_002, 9_000_003]);
  await until(() => clients.every(({ numbers }) => numbers.includes(9_000_003)));

  process.stdout.write(
    `${confirmed.length} publications confirmed before the end of the first server\n`,
  );
  for (const client of clients) {
    expect(client.goodbyes).toContain(3001);
    expect(client.subscribed).toHaveLength(2);
    expect(client.subscribed[1]).toMatchObject({ wasRecovering: true, recovered: true });
    expect(client.subscribed[1]?.streamPosition?.epoch).toBe(
      client.subscribed[0]?.streamPosition?.epoch ?? "",
    );
    const offsets = client.publications.map(({ offset }) => offset ?? 0);
    expect(offsets).toEqual(offsets.map((_, index) => index + 1));
    const received = new Set(client.numbers);
    expect(received.size).toBe(client.numbers.length);
    expect(confirmed.filter((n) => !received.has(n))).toEqual([]);
    // At most one of each publisher was stored without its answer having come through.
    expect(received.size - confirmed.length - 3).toBeLessThanOrEqual(3);
  }
});

test("kill -9 and a start: another epoch, and clients are told that they may have missed something", async () => {
  await using directory = await DataDirectory.make();
  await using first = await startServer({ dataDir: directory.path });
  using client = new SdkSubscriber(first.url.replace("http", "ws"), channel);
  await until(() => client.subscribed.length === 1);
  await publishAll(first, [1, 2, 3]);
  await until(() => client.publications.length === 3);
  await first.kill();
  await using second = await startServer({ dataDir: directory.path, args: onPort(first) });
  await until(() => client.subscribed.length === 2);
  expect(client.subscribed[1]).toMatchObject({ wasRecovering: true, recovered: false });
  const epochs = client.subscribed.map(({ streamPosition }) => streamPosition?.epoch);
  expect(epochs[1]).toBeString();
  expect(epochs[1]).not.toBe(epochs[0] ?? "");
  await publishAll(second, [4]);
  await until(() => client.publications.length === 4);
  expect(client.publications[3]).toMatchObject({ data: { n: 4 }, offset: 1 });
});

test("a start that fails in between loses no stream", async () => {
  await using directory = await DataDirectory.make();
  await using first = await startServer({ dataDir: directory.path });
  using client = new SdkSubscriber(first.url.replace("http", "ws"), channel);
  await until(() => client.subscribed.length === 1);
  await publishAll(first, [1, 2, 3]);
  await until(() => client.publications.length === 3);
  expect(await first.stop()).toBe(0);

  const stranger = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  try {
    await using failing = new SpawnedCommand([
      process.execPath,
      cli,
      "serve",
      ...serveFlags(directory),
      ...["--http-port", String(stranger.port)],
    ]);
    expect(await failing.exited).toBe(1);
    expect(failing.output).toMatch(/port|EADDRINUSE/i);
  } finally {
    stranger.stop(true);
  }
  await directory.untilDeserted();

  await using second = await startServer({ dataDir: directory.path, args: onPort(first) });
  await publishAll(second, [4]);
  await until(() => client.publications.length === 4);
  expect(client.subscribed[1]).toMatchObject({ wasRecovering: true, recovered: true });
  expect(client.numbers).toEqual([1, 2, 3, 4]);
});
