import { expect, test } from "bun:test";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { SwallowingProxy } from "./swallowing-proxy.ts";

/** Answers everything as PostgreSQL answers a flush. */
const answer = Buffer.concat([Buffer.from([0x32, 0, 0, 0, 4]), Buffer.from("C....SELECT 1\0Z")]);

test("swallows the answers to as many commits of writers as it is told, and nothing else", async () => {
  const received: string[] = [];
  const target = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk) => {
      received.push(chunk.toString());
      socket.write(answer);
    });
  });
  target.listen(0, "127.0.0.1");
  await once(target, "listening");
  try {
    const { port } = target.address() as AddressInfo; // it listens on TCP
    await using proxy = await SwallowingProxy.start({ host: "127.0.0.1", port });
    /** What comes back for `text`; undefined: the connection breaks. */
    const ask = async (text: string): Promise<string | undefined> => {
      const socket = connect(proxy.port, "127.0.0.1");
      const { promise, resolve } = Promise.withResolvers<string | undefined>();
      socket.on("error", () => resolve(undefined));
      socket.on("close", () => resolve(undefined));
      socket.on("data", (chunk) => resolve(chunk.toString()));
      socket.write(text);
      const outcome = await promise;
      socket.destroy();
      return outcome;
    };
    expect(await ask("switchyard queues 1")).toBe(answer.toString());
    proxy.swallow(2);
    expect(await ask("switchyard queue windows")).toBe(answer.toString());
    expect(await ask("switchyard queues 2")).toBeUndefined();
    expect(await ask("switchyard queues 3")).toBeUndefined();
    expect(await ask("switchyard queues 4")).toBe(answer.toString());
    expect(proxy.swallowed).toBe(2);
    // What was not answered has arrived.
    expect(received).toEqual([
      "switchyard queues 1",
      "switchyard queue windows",
      "switchyard queues 2",
      "switchyard queues 3",
      "switchyard queues 4",
    ]);
  } finally {
    target.close();
  }
});
