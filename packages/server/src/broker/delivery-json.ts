import type { Delivery } from "@switchyard/core";
import type { JsonText, Payload } from "@switchyard/protocol";

const jsonType = "application/json";

/** The `message` data of deliveries to one consumer. Put together as text: the body goes out as it came in. */
export class DeliveryText {
  readonly #head: string;
  /** The last exchange and its text: most deliveries of a queue come by the same. */
  #exchange = "";
  #exchangeText = '""';

  constructor(consumer: string, queue: string) {
    this.#head = `{"type":"delivery","consumer":${quoted(consumer)},"queue":${quoted(queue)},"tag":`;
  }

  of(delivery: Delivery): JsonText {
    if (delivery.exchange !== this.#exchange) {
      this.#exchange = delivery.exchange;
      this.#exchangeText = quoted(delivery.exchange);
    }
    let text =
      `${this.#head}${delivery.tag},"id":${quoted(delivery.id)},"exchange":${this.#exchangeText}` +
      `,"key":${quoted(delivery.key)},"headers":${delivery.headers}` +
      `,${bodyMembers(delivery.body, delivery.contentType)}` +
      `,"redelivered":${delivery.redelivered},"attempt":${delivery.attempt}` +
      `,"published_at":${delivery.publishedAt}`;
    if (delivery.priority !== 0) text += `,"priority":${delivery.priority}`;
    if (delivery.deaths !== undefined) text += `,"deaths":${delivery.deaths}`;
    // Joined from JSON without raw newlines: to search it for them would cost as much as to join it.
    return `${text}}` as JsonText;
  }
}

/** `"body":…`, or `"b64body":"…"` for bytes; `content_type` beside it when that is not JSON's, or not told. */
export function bodyMembers(body: Payload, contentType: string | undefined): string {
  const given =
    typeof body === "string"
      ? `"body":${body}`
      : `"b64body":"${Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("base64")}"`;
  return contentType === undefined || contentType === jsonType
    ? given
    : `${given},"content_type":${quoted(contentType)}`;
}

/** As a JSON string. */
export function quoted(text: string): string {
  return JSON.stringify(text);
}
