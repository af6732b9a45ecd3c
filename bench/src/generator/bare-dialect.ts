import { encodeTextFrame } from "./client-frames.ts";
import { type Dialect, IGNORED, READY } from "./dialect.ts";
import { PAYLOAD_BYTES } from "./payload.ts";

/** Eight characters, so that the servers can cut topic and payload apart without a search. */
function topicName(topic: number): string {
  return `t${topic.toString().padStart(7, "0")}`;
}

/**
 * The bare servers: the topic is the subscriber's path, the server says `ready` when it has subscribed, and sends each
 * publication's 120 bytes as they are. A publisher's message is the topic followed by the payload.
 */
export function createBareDialect(): Dialect {
  return {
    minDeliveryBytes: PAYLOAD_BYTES,
    subscriberPath: (topic) => `/${topicName(topic)}`,
    subscriberHello: () => undefined,
    publisherPath: () => "/publish0",
    publisherHello: () => undefined,
    control: (text) => (text === "ready" ? READY : IGNORED),
    encodePublication: (topic, payload) => encodeTextFrame(topicName(topic) + payload),
    http: undefined,
  };
}
