import { type DriverEvents, PREFETCH, stampIn } from "./driver.ts";
import { SwitchyardSocket } from "./switchyard-socket.ts";

const TAG = '"tag":';

/** Consumes one queue on a connection of its own; all deliveries of a frame are acknowledged by one `send`. */
export async function openSwitchyardConsumer(
  port: number,
  token: string,
  queue: string,
  events: DriverEvents,
): Promise<void> {
  const begun = Promise.withResolvers<void>();
  let consumer = "";
  const answered = (text: string): void => {
    const name = /^\{"id":2,"rpc":\{"data":\{"consumer":"([^"]+)"/.exec(text)?.[1];
    if (name === undefined) {
      begun.reject(new Error(`not consuming: ${text.slice(0, 300)}`));
      return;
    }
    consumer = name;
    begun.resolve();
    const rest = text.indexOf("\n");
    if (rest >= 0) read(text.slice(rest + 1));
  };
  const read = (text: string): void => {
    const tags: number[] = [];
    // A frame of deliveries holds nothing else that has tags, and their bodies hold none.
    for (let at = text.indexOf(TAG); at >= 0; at = text.indexOf(TAG, at)) {
      at += TAG.length;
      tags.push(Number(text.slice(at, text.indexOf(",", at))));
      events.delivered(stampIn(text, at));
    }
    if (tags.length === 0 || text.includes('"type":"error"')) {
      events.failed(text.slice(0, 300));
      return;
    }
    if (text.includes('"redelivered":true'))
      events.redelivered(text.split('"redelivered":true').length - 1);
    socket.send(
      `{"send":{"data":{"type":"ack","consumer":"${consumer}","tags":[${tags.join(",")}]}}}`,
    );
    events.acknowledged(tags.length);
  };
  const socket = await SwitchyardSocket.open(
    port,
    token,
    (text) => (consumer === "" ? answered(text) : read(text)),
    (reason) => events.failed(reason),
  );
  const data = { queue, prefetch: PREFETCH };
  socket.send(JSON.stringify({ id: 2, rpc: { method: "queue.consume", data } }));
  await begun.promise;
}
