import { HttpConnection } from "../generator/http-connection.ts";
import {
  type DriverEvents,
  EXCHANGE,
  type OutgoingMessage,
  PUBLISHER_CONNECTIONS,
} from "./driver.ts";
import { SwitchyardSocket } from "./switchyard-socket.ts";

type Publish = (messages: readonly OutgoingMessage[]) => void;

/** Commands of one frame: some 8 KB. */
const COMMANDS_PER_FRAME = 32;
/** The id of a command is the number of its message and this: 1 is the connect command's. */
const FIRST_ID = 2;

/** One `rpc` for each message, pipelined over several connections. */
export async function openSocketPublisher(
  port: number,
  token: string,
  givenIds: boolean,
  events: DriverEvents,
): Promise<Publish> {
  const answered = (text: string): void => {
    for (let at = 0; at >= 0;) {
      const number = Number(text.slice(at + '{"id":'.length, text.indexOf(",", at))) - FIRST_ID;
      const end = text.indexOf("\n", at);
      const confirmed = text.indexOf('"routed":', at);
      if (confirmed >= 0 && (end < 0 || confirmed < end)) events.confirmed(number);
      else events.refused(number, text.slice(at, at + 300));
      at = end < 0 ? -1 : end + 1;
    }
  };
  const sockets: SwitchyardSocket[] = [];
  for (let index = 0; index < PUBLISHER_CONNECTIONS; index += 1)
    sockets.push(
      await SwitchyardSocket.open(port, token, answered, (reason) => events.failed(reason)),
    );
  let turn = 0;
  return (messages) => {
    for (let from = 0; from < messages.length; from += COMMANDS_PER_FRAME) {
      let frame = "";
      for (const { number, body } of messages.slice(from, from + COMMANDS_PER_FRAME)) {
        if (frame !== "") frame += "\n";
        const id = givenIds ? `"id":"message-${number}",` : "";
        frame += `{"id":${number + FIRST_ID},"rpc":{"method":"exchange.publish","data":{${id}"exchange":"${EXCHANGE}","key":"k","body":${body}}}}`;
      }
      sockets[turn]?.send(frame);
      turn = (turn + 1) % sockets.length;
    }
  };
}

/** Keep-alive connections. Each has one request under way, as HTTP clients do. */
const HTTP_CONNECTIONS = 16;
const LARGEST_BATCH = 500;

/** What is due goes as one batch when a connection is free, so that batches grow with the load. */
export async function openHttpPublisher(
  port: number,
  apiKey: string,
  givenIds: boolean,
  events: DriverEvents,
): Promise<Publish> {
  const headers = { "X-API-Key": apiKey, "Content-Type": "application/json" };
  const idle: HttpConnection[] = [];
  let waiting: OutgoingMessage[] = [];
  const send = (): void => {
    while (waiting.length > 0) {
      const connection = idle.pop();
      if (connection === undefined) return;
      const batch = waiting.slice(0, LARGEST_BATCH);
      waiting = waiting.slice(LARGEST_BATCH);
      sent.set(connection, batch);
      const list = batch.map(({ number, body }) => {
        const id = givenIds ? `"id":"message-${number}",` : "";
        return `{${id}"key":"k","body":${body}}`;
      });
      connection.post(
        `/v1/exchanges/${EXCHANGE}/publish`,
        headers,
        `{"events":[${list.join(",")}]}`,
      );
    }
  };
  const sent = new Map<HttpConnection, readonly OutgoingMessage[]>();
  for (let index = 0; index < HTTP_CONNECTIONS; index += 1) {
    const connection: HttpConnection = new HttpConnection((status, body) => {
      const isGood = status === 200 && !body.includes('"error"');
      for (const { number } of sent.get(connection) ?? []) {
        if (isGood) events.confirmed(number);
        else events.refused(number, `HTTP ${status} ${body.slice(0, 200)}`);
      }
      sent.delete(connection);
      if (status === 0) return;
      idle.push(connection);
      send();
    });
    await connection.open(port);
    idle.push(connection);
  }
  return (messages) => {
    for (const message of messages) waiting.push(message);
    send();
  };
}
