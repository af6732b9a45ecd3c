import { expect } from "bun:test";
import {
  type ConnectionId,
  connectionId,
  type NodeAnswer,
  nodeId,
  type SwitchyardError,
} from "@switchyard/core";
import type { BusEngine } from "./bus-engine.ts";
import { busTest, clientInfo, numbers } from "./bus-scenario.ts";

/** Presence, announcements, and requests from node to node. */
export function busNodesContract(engine: BusEngine): void {
  const id = (name: string): ConnectionId => connectionId(name);

  busTest(
    engine,
    "lists the connections of a channel and counts its users",
    async ({ bus, other, channel }) => {
      const room = channel();
      expect(await bus.presence.members(room)).toEqual(new Map());
      expect(await bus.presence.stats(room)).toEqual({ connections: 0, users: 0 });
      await bus.presence.add(room, id("1"), clientInfo("1", "ann"));
      await other.presence.add(room, id("2"), clientInfo("2", "ann"));
      await bus.presence.add(room, id("3"), clientInfo("3", ""));
      await other.presence.add(room, id("4"), clientInfo("4", ""));
      await bus.presence.add(channel(), id("5"), clientInfo("5", "bob"));
      for (const each of [bus, other]) {
        expect(await each.presence.members(room)).toEqual(
          new Map([
            [id("1"), clientInfo("1", "ann")],
            [id("2"), clientInfo("2", "ann")],
            [id("3"), clientInfo("3", "")],
            [id("4"), clientInfo("4", "")],
          ]),
        );
        expect(await each.presence.stats(room)).toEqual({ connections: 4, users: 2 });
      }
      const earlier = await bus.presence.members(room);
      await bus.presence.remove(room, id("1"));
      expect(earlier.size).toBe(4);
      expect((await other.presence.members(room)).size).toBe(3);
    },
  );

  busTest(
    engine,
    "adds and removes idempotently, a second add replaces the info",
    async ({ bus, channel }) => {
      const room = channel();
      await bus.presence.remove(room, id("1"));
      await bus.presence.add(room, id("1"), clientInfo("1", "ann"));
      await bus.presence.add(room, id("1"), clientInfo("1", "renamed"));
      expect(await bus.presence.members(room)).toEqual(
        new Map([[id("1"), clientInfo("1", "renamed")]]),
      );
      expect(await bus.presence.stats(room)).toEqual({ connections: 1, users: 1 });
      await bus.presence.remove(room, id("1"));
      await bus.presence.remove(room, id("1"));
      expect(await bus.presence.stats(room)).toEqual({ connections: 0, users: 0 });
    },
  );

  busTest(
    engine,
    "lets concurrent changes of a connection take effect in the order issued",
    async ({ bus, channel }) => {
      const room = channel();
      const changes = numbers(30).flatMap((n) => {
        const connection = id(`c${n}`);
        const add = bus.presence.add(room, connection, clientInfo(connection, "first"));
        const remove = bus.presence.remove(room, connection);
        return n % 2 === 0
          ? [add, remove]
          : [add, remove, bus.presence.add(room, connection, clientInfo(connection, "last"))];
      });
      await Promise.all(changes);
      const members = await bus.presence.members(room);
      expect([...members.keys()].toSorted()).toEqual(
        numbers(30)
          .filter((n) => n % 2 === 1)
          .map((n) => id(`c${n}`))
          .toSorted(),
      );
      expect(new Set([...members.values()].map(({ user }) => user))).toEqual(new Set(["last"]));
    },
  );

  busTest(
    engine,
    "announces to subscribed nodes, in order per connection",
    async ({ bus, recorder, other, otherRecorder, channel, fixture }) => {
      const [room, foreign] = [channel(), channel()];
      await bus.channels.subscribe(room);
      await other.channels.subscribe(room);
      const connections = ["1", "2", "3"];
      await Promise.all(
        numbers(10).flatMap((n) =>
          connections.flatMap((client) => [
            bus.channels.announce(room, {
              type: n % 2 === 1 ? "join" : "leave",
              info: clientInfo(client, `${n}`),
            }),
            bus.channels.announce(foreign, { type: "join", info: clientInfo(client) }),
          ]),
        ),
      );
      await fixture.quiet();
      for (const each of new Set([recorder, otherRecorder])) {
        expect(each.changes.map((one) => one.channel)).toEqual(
          Array.from({ length: 30 }, () => room),
        );
        for (const client of connections) {
          const mine = each.changes.filter(({ change }) => change.info.client === client);
          expect(mine.map(({ change }) => `${change.info.user} ${change.type}`)).toEqual(
            numbers(10).map((n) => `${n} ${n % 2 === 1 ? "join" : "leave"}`),
          );
        }
      }
    },
  );

  busTest(
    engine,
    "puts a request to all nodes, itself included, and to one",
    async ({ bus, recorder, other, otherRecorder, fixture }) => {
      const recorders = [...new Set([recorder, otherRecorder])];
      for (const [index, each] of recorders.entries()) {
        each.answer = async () => ({ type: "done", connections: index + 1, error: undefined });
      }
      const counts = (answers: Awaited<ReturnType<typeof bus.nodes.ask>>): number[] =>
        answers
          .map((answer) => (answer.type === "done" ? answer.connections : -1))
          .toSorted((a, b) => a - b);
      const request = { type: "channels", pattern: "a {b} *" } as const;
      expect(counts(await bus.nodes.ask("all", request, { timeoutMs: 2_000 }))).toEqual(
        fixture.nodes.map((_, index) => index + 1),
      );
      expect(recorders.map((each) => each.requests)).toEqual(recorders.map(() => [request]));
      expect(counts(await bus.nodes.ask(bus.nodes.self, request, { timeoutMs: 2_000 }))).toEqual([
        1,
      ]);
      expect(counts(await bus.nodes.ask(other.nodes.self, request, { timeoutMs: 2_000 }))).toEqual([
        fixture.nodes.length,
      ]);
      expect(recorders.flatMap((each) => each.requests)).toHaveLength(fixture.nodes.length + 2);
    },
  );

  busTest(engine, "rejects a request to a node that does not live", async ({ bus, recorder }) => {
    const asked = bus.nodes.ask(nodeId("nobody"), { type: "info" }, { timeoutMs: 2_000 });
    expect(await kindOf(asked)).toBe("nodeUnknown");
    expect(recorder.requests).toEqual([]);
  });

  busTest(
    engine,
    "rejects a request that is not answered in time",
    async ({ bus, recorder, fixture }) => {
      const { promise, resolve } = Promise.withResolvers<NodeAnswer>();
      recorder.answer = () => promise;
      const asked = kindOf(bus.nodes.ask("all", { type: "info" }, { timeoutMs: 100 }));
      await recorder.until(() => recorder.requests.length === 1);
      await fixture.passTime(150);
      expect(await asked).toBe("nodeUnavailable");
      // Lets go of what still waits for the answer.
      resolve({ type: "done", connections: 0, error: undefined });
    },
  );
}

/** The kind of the error that `outcome` rejects with; undefined when it fulfils. */
export async function kindOf(
  outcome: Promise<unknown>,
): Promise<SwitchyardError["kind"] | undefined> {
  try {
    await outcome;
    return undefined;
  } catch (error) {
    // Buses reject with nothing else; another error has no `kind` and fails the comparison.
    return (error as SwitchyardError).kind;
  }
}
