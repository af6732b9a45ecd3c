import { encodeTextFrame } from "./client-frames.ts";
import { type ControlOutcome, type Dialect, IGNORED, READY } from "./dialect.ts";
import { PAYLOAD_BYTES } from "./payload.ts";

const PATH = "/socket.io/?EIO=4&transport=websocket";
const CONNECT: ControlOutcome = { kind: "reply", frame: encodeTextFrame("40") };
const PONG: ControlOutcome = { kind: "reply", frame: encodeTextFrame("3") };

/**
 * Engine.IO 4 over WebSocket alone, spoken frame by frame: `0{…}` open → `40` connect → the server joins the room and emits
 * `ready`; `2` ping → `3` pong. A publication is the event `m` with a JSON object.
 */
export function createSocketIoDialect(): Dialect {
  return {
    minDeliveryBytes: PAYLOAD_BYTES + '42["m",]'.length,
    subscriberPath: (topic) => `${PATH}&room=t${topic}`,
    subscriberHello: () => undefined,
    publisherPath: () => PATH,
    publisherHello: () => undefined,
    control: (text) => {
      if (text.startsWith("0")) return CONNECT;
      if (text === "2") return PONG;
      if (text === '42["ready"]') return READY;
      if (text.startsWith("44")) return { kind: "failed", reason: text };
      return IGNORED;
    },
    encodePublication: (topic, payload) => encodeTextFrame(`42["publish","t${topic}",${payload}]`),
    http: undefined,
  };
}
