import { encodeTextFrame } from "./client-frames.ts";
import type { DialectOptions } from "./commands.ts";
import { type ControlOutcome, type Dialect, IGNORED, READY } from "./dialect.ts";
import { PAYLOAD_BYTES } from "./payload.ts";
import { createToken } from "./token.ts";

type SwitchyardOptions = Extract<DialectOptions, { kind: "switchyard" }>;

const PONG: ControlOutcome = { kind: "reply", frame: encodeTextFrame("{}") };
const SMALLEST_ENVELOPE = '{"push":{"channel":"a","pub":{"data":}}}'.length;

/**
 * Centrifuge client protocol v2 in JSON. The connection is ready with the answer to its last command (the `ready` id);
 * every connection has a token, those of one topic in personal addressing the same user.
 */
export function createSwitchyardDialect(options: SwitchyardOptions): Dialect {
  const personal = options.addressing === "personal";
  const channelOf = (topic: number): string =>
    personal ? `#u${topic}` : `${options.namespace}:${topic}`;
  let users = 0;
  let commandId = 2;

  return {
    minDeliveryBytes: PAYLOAD_BYTES + SMALLEST_ENVELOPE,
    subscriberPath: () => "/connection/websocket",
    subscriberHello: (topic) => {
      users += 1;
      const token = createToken(options.tokenSecret, { sub: personal ? `u${topic}` : `s${users}` });
      if (personal) return encodeTextFrame(JSON.stringify({ id: 2, connect: { token } }));
      const connect = JSON.stringify({ id: 1, connect: { token } });
      const subscribe = JSON.stringify({ id: 2, subscribe: { channel: channelOf(topic) } });
      return encodeTextFrame(`${connect}\n${subscribe}`);
    },
    publisherPath: () => "/connection/websocket",
    publisherHello: () =>
      encodeTextFrame(
        JSON.stringify({
          id: 2,
          connect: { token: createToken(options.tokenSecret, { sub: "publisher" }) },
        }),
      ),
    control: (text) => judge(text),
    encodePublication: (topic, payload) => {
      commandId += 1;
      return encodeTextFrame(
        `{"id":${commandId},"publish":{"channel":${JSON.stringify(channelOf(topic))},"data":${payload}}}`,
      );
    },
    http:
      options.publishVia === "websocket"
        ? undefined
        : {
            headers: { "X-API-Key": options.apiKey, "Content-Type": "application/json" },
            publishPath: "/api/publish",
            batchPath: "/api/batch",
            encodeRequest: (topic, payload) =>
              `{"channel":${JSON.stringify(channelOf(topic))},"data":${payload}}`,
            encodeBatch: (requests) =>
              `{"commands":[${requests.map((request) => `{"publish":${request}}`).join(",")}]}`,
          },
  };
}

/** One frame may hold several replies, divided by newlines. The id 2 answers the last command of the hello. */
function judge(text: string): ControlOutcome {
  if (text === "{}") return PONG;
  if (
    text.includes('"error":') ||
    text.includes('"disconnect":') ||
    text.includes('"unsubscribe":')
  ) {
    return { kind: "failed", reason: text.slice(0, 300) };
  }
  return /"id":2[,}]/.test(text) ? READY : IGNORED;
}
