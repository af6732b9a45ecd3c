import { expect, test } from "bun:test";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { CutProxy } from "./cut-proxy.ts";

async function echo(): Promise<{ url: string; close(): void }> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // A server that listens on TCP has such an address.
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => server.close(),
  };
}

/** Not `once`, which rejects at the error that a reset is before it closes. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once("close", () => resolve());
  });
}

function dial(proxy: CutProxy): Socket {
  const [host = "", port] = proxy.host.split(":");
  return connect(Number(port), host).on("error", () => {});
}

test("forwards, cuts, refuses and forwards again", async () => {
  const peer = await echo();
  await using proxy = await CutProxy.start(peer.url);
  const first = dial(proxy);
  first.write("one");
  expect(String(await once(first, "data"))).toBe("one");
  const ended = closed(first);
  expect(proxy.cut()).toBe(1);
  await ended;

  const refused = dial(proxy);
  await closed(refused);
  expect(proxy.accepted).toBe(1);

  proxy.mend();
  const second = dial(proxy);
  second.write("two");
  expect(String(await once(second, "data"))).toBe("two");
  expect(proxy.accepted).toBe(2);
  second.destroy();
  peer.close();
});

test("holds answers back, while the target still gets what is sent", async () => {
  const got = Promise.withResolvers<string>();
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      socket.write("answer");
      if (String(chunk) === "second") got.resolve(String(chunk));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // A server that listens on TCP has such an address.
  const { port } = server.address() as AddressInfo;
  await using proxy = await CutProxy.start(`http://127.0.0.1:${port}`);
  const socket = dial(proxy);
  const answers: string[] = [];
  socket.on("data", (chunk) => answers.push(String(chunk)));
  socket.write("first");
  while (answers.length === 0) await Bun.sleep(1);
  proxy.holdAnswers();
  socket.write("second");
  expect(await got.promise).toBe("second");
  expect(answers).toEqual(["answer"]);
  proxy.releaseAnswers();
  while (answers.join("").length < 12) await Bun.sleep(1);
  proxy.holdAnswers();
  socket.write("third");
  const ended = closed(socket);
  proxy.cut();
  await ended;
  expect(answers.join("")).toBe("answeranswer");
  server.close();
});
