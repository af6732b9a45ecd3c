import { afterEach, describe, expect, test } from "bun:test";
import { TestHub, type TestHubParts, turn } from "@switchyard/testkit";
import { type JsonText, toJsonText, trustJsonText } from "@switchyard/protocol";
import { ApplicationError } from "../errors/application-error.ts";
import { SwitchyardError } from "../errors/switchyard-error.ts";
import type { Caller, RpcMethod, SendHandler } from "./method-registry.ts";

const hubs: TestHub[] = [];
afterEach(async () => {
  for (const hub of hubs.splice(0)) await hub.stop();
});

interface Methods {
  readonly rpc?: Readonly<Record<string, RpcMethod>>;
  readonly send?: Readonly<Record<string, SendHandler>>;
}

async function started(
  { rpc = {}, send = {} }: Methods,
  parts: TestHubParts = {},
): Promise<TestHub> {
  const hub = new TestHub(parts);
  for (const [name, method] of Object.entries(rpc)) hub.hub.methods.rpc.set(name, method);
  for (const [name, handler] of Object.entries(send)) hub.hub.methods.send.set(name, handler);
  hubs.push(hub);
  return hub.start();
}

describe("rpc", () => {
  test("108 without any method, 104 for an unknown one", async () => {
    const bare = await (await started({})).connect();
    expect((await bare.ask({ rpc: { method: "m" } })).error).toEqual({
      code: 108,
      message: "not available",
    });
    const client = await (await started({ rpc: { m: async () => undefined } })).connect();
    expect((await client.ask({ rpc: { method: "n" } })).error).toEqual({
      code: 104,
      message: "method not found",
    });
    expect(await client.ask({ rpc: { method: "m" } })).toEqual({ id: 3, rpc: {} });
  });

  test("knows its caller, hands data on as text, and may push to it", async () => {
    const seen: [Caller, JsonText | undefined][] = [];
    const hub = await started({
      rpc: {
        async echo(caller, data) {
          seen.push([caller, data]);
          caller.send(toJsonText("first"));
          return data;
        },
      },
    });
    const client = await hub.connect("ann");
    client.sendRaw('{"id":7,"rpc":{"method":"echo","data":{"n": 9007199254740993}}}');
    await turn();
    expect(client.link.texts.slice(1)).toEqual([
      '{"push":{"message":{"data":"first"}}}',
      '{"id":7,"rpc":{"data":{"n": 9007199254740993}}}',
    ]);
    const [caller] = seen[0] ?? [];
    expect([caller?.user, String(caller?.connection)]).toEqual(["ann", client.connection.id]);
  });

  test("errors: an application's own code, a refusal by name, anything else 100 and in the log", async () => {
    const hub = await started({
      rpc: {
        own: () => Promise.reject(new ApplicationError(1_042, "sold out")),
        refused: () => Promise.reject(new SwitchyardError("permissionDenied")),
        broken: () => {
          throw new Error("with a secret");
        },
      },
    });
    const client = await hub.connect();
    expect((await client.ask({ rpc: { method: "own" } })).error).toEqual({
      code: 1_042,
      message: "sold out",
    });
    expect((await client.ask({ rpc: { method: "refused" } })).error).toEqual({
      code: 103,
      message: "permission denied",
    });
    expect((await client.ask({ rpc: { method: "broken" } })).error).toEqual({
      code: 100,
      message: "internal server error",
      temporary: true,
    });
    expect(hub.log.lines.filter(({ level }) => level === "error")).toHaveLength(1);
    const codes = [1_042, 103, 100].map((code) => hub.observer.of(`error ${code}`));
    expect(codes).toEqual([1, 1, 1]);
    for (const code of [399, 2_000, 1.5])
      expect(() => new ApplicationError(code, "")).toThrow(RangeError);
  });

  test("answers that are ready in one turn are one transport message", async () => {
    const commit = Promise.withResolvers<undefined>();
    const hub = await started({
      rpc: {
        async m(_caller, data) {
          await commit.promise;
          return data;
        },
      },
    });
    const client = await hub.connect();
    const before = client.link.texts.length;
    const commands = [7, 8, 9].map((id) => `{"id":${id},"rpc":{"method":"m","data":${id}}}`);
    client.sendRaw(commands.join("\n"));
    commit.resolve(undefined);
    await turn();
    expect(client.link.texts.slice(before)).toEqual([
      '{"id":7,"rpc":{"data":7}}\n{"id":8,"rpc":{"data":8}}\n{"id":9,"rpc":{"data":9}}',
    ]);
  });

  test("answers of one turn are cut at 65,536 characters", async () => {
    const commit = Promise.withResolvers<undefined>();
    const data = trustJsonText(`"${"x".repeat(30_000)}"`);
    const hub = await started({ rpc: { m: () => commit.promise.then(() => data) } });
    const client = await hub.connect();
    const before = client.link.texts.length;
    for (const id of [7, 8, 9]) client.sendRaw(`{"id":${id},"rpc":{"method":"m"}}`);
    commit.resolve(undefined);
    await turn();
    const lines = client.link.texts.slice(before).map((frame) => frame.split("\n").length);
    expect(lines).toEqual([2, 1]);
  });

  test("what follows an answer comes behind it, and not at all when the connection has ended", async () => {
    const followed: string[] = [];
    const slow = Promise.withResolvers<undefined>();
    const hub = await started({
      rpc: {
        async m(caller, data) {
          if (data === undefined) await slow.promise;
          return {
            data,
            answered: () => {
              followed.push(String(data));
              caller.send(toJsonText("follows"));
            },
          };
        },
      },
    });
    const client = await hub.connect();
    client.sendRaw('{"id":7,"rpc":{"method":"m","data":1}}\n{"id":8,"rpc":{"method":"m"}}');
    await turn();
    expect(client.link.texts.slice(1)).toEqual([
      '{"id":7,"rpc":{"data":1}}',
      '{"push":{"message":{"data":"follows"}}}',
    ]);
    client.vanish();
    slow.resolve(undefined);
    await turn();
    expect(followed).toEqual(["1"]);
  });

  test("a refusal says what was wrong, in its own words", async () => {
    const detail = "tags must be a list";
    const hub = await started({
      rpc: { m: () => Promise.reject(new SwitchyardError("badRequest", { detail })) },
    });
    const client = await hub.connect();
    expect((await client.ask({ rpc: { method: "m" } })).error).toEqual({
      code: 107,
      message: detail,
    });
    expect(hub.log.lines.filter(({ message }) => message === "a command failed")).toEqual([]);
  });

  test("may be answered out of order; one that outlives its connection is told and says nothing", async () => {
    const slow = Promise.withResolvers<JsonText | undefined>();
    let signal: AbortSignal | undefined;
    const hub = await started({
      rpc: {
        slow(caller) {
          ({ signal } = caller);
          return slow.promise;
        },
        quick: async () => toJsonText("quick"),
      },
    });
    const client = await hub.connect();
    client.send({ rpc: { method: "slow" } }, { rpc: { method: "quick" } });
    await turn();
    expect(client.messages.slice(1)).toEqual([{ id: 3, rpc: { data: "quick" } }]);
    expect(signal?.aborted).toBe(false);
    client.vanish();
    expect(signal?.aborted).toBe(true);
    slow.reject(new Error("too late"));
    await turn();
    expect(client.messages).toHaveLength(2);
    expect(hub.log.lines.filter(({ level }) => level === "error")).toEqual([]);
  });

  test("beyond what may be in flight: 111, temporary; then it goes on", async () => {
    const waiting: PromiseWithResolvers<undefined>[] = [];
    const hub = await started(
      {
        rpc: {
          wait() {
            const one = Promise.withResolvers<undefined>();
            waiting.push(one);
            return one.promise;
          },
        },
      },
      { limits: { commandsInFlight: 2 } },
    );
    const client = await hub.connect();
    for (let n = 0; n < 3; n += 1) client.send({ rpc: { method: "wait" } });
    await turn();
    expect(client.messages.slice(1)).toEqual([
      { id: 4, error: { code: 111, message: "too many requests", temporary: true } },
    ]);
    for (const one of waiting) one.resolve(undefined);
    await turn();
    client.send({ rpc: { method: "wait" } });
    expect(waiting).toHaveLength(3);
    expect(client.messages.map(({ id }) => id)).toEqual([1, 4, 2, 3]);
  });
});

describe("send", () => {
  test("3508 where nothing takes it", async () => {
    const client = await (await started({})).connect();
    client.send({ send: { data: 1 } });
    expect(client.closedWith).toBe(3508);
  });

  test("goes by data.type; what is wrong comes back as a message", async () => {
    const taken: string[] = [];
    const hub = await started({
      send: {
        ok: (caller, data) => {
          taken.push(`${caller.user} ${data}`);
          caller.send(toJsonText({ type: "done" }));
        },
        broken: () => {
          throw new Error("with a secret");
        },
      },
    });
    const client = await hub.connect("ann");
    const sends = [
      '{"send":{"data":{"type":"ok","n": 1}}}',
      '{"send":{"data":{"type":"other"}}}',
      '{"send":{"data":{"type":7}}}',
      '{"send":{"data":[]}}',
      '{"send":{}}',
      '{"send":{"data":{"type":"broken"}}}',
    ];
    for (const frame of sends) client.sendRaw(frame);
    expect(taken).toEqual(['ann {"type":"ok","n": 1}']);
    const unknown = { type: "error", code: 104, message: "data.type must be one of: ok, broken" };
    expect(client.pushes.map(({ message }) => (message as { data: unknown }).data)).toEqual([
      { type: "done" },
      { ...unknown, of: "other" },
      { ...unknown, of: "" },
      { ...unknown, of: "" },
      { ...unknown, of: "" },
      { type: "error", code: 100, message: "internal server error", of: "broken" },
    ]);
    expect(client.closedWith).toBeUndefined();
    expect(hub.log.lines.filter(({ level }) => level === "error")).toHaveLength(1);
  });

  test("what answers a delivery does not count as a command of this second", async () => {
    const acks: string[] = [];
    let caller: Caller | undefined;
    const hub = await started(
      {
        rpc: {
          m: async (from) => {
            caller = from;
            return undefined;
          },
        },
        send: { ack: (_, data) => void acks.push(data) },
      },
      { limits: { commandsPerSecond: 2 } },
    );
    const client = await hub.connect();
    await client.ask({ rpc: { method: "m" } });
    expect(caller?.sendWhileRoom([1, 2, 3, 4].map((n) => toJsonText(n)))).toBe(4);
    for (let n = 0; n < 4; n += 1) client.send({ send: { data: { type: "ack" } } });
    await turn();
    expect(acks).toHaveLength(4);
    // The others count.
    for (let n = 0; n < 3; n += 1) client.send({ send: { data: { type: "ack" } } });
    await turn();
    expect(acks.length).toBeLessThan(7);
  });

  test("data nested 100,000 deep is an unknown type, no crash", async () => {
    const client = await (await started({ send: { ok: () => undefined } })).connect();
    const deep = "[".repeat(100_000) + "]".repeat(100_000);
    client.sendRaw(`{"send":{"data":${deep}}}`);
    expect(client.closedWith ?? client.pushes.length).toBe(
      client.closedWith === undefined ? 1 : 3501,
    );
  });
});
