import type { RunningServer } from "@switchyard/testkit";
import {
  type DeliveryMembers,
  type Destination,
  type EventMembers,
  type Published,
  type Refusal,
  refusal,
  type Taken,
  type Way,
} from "./way.ts";

/** One delivery of `/pull`. */
export interface Pulled extends DeliveryMembers {
  readonly receipt: string;
}

/** `GET /v1/queues/{name}`, as far as the tests look at it. */
export interface QueueFigures {
  readonly ready: number;
  readonly unsettled: number;
  readonly delayed: number;
  readonly consumers: number;
  readonly counts: Readonly<Record<string, number>>;
}

class HttpRefusal extends Error implements Refusal {
  readonly code: number;

  constructor({ code, message }: Refusal) {
    super(message);
    this.code = code;
  }
}

/** A program with an API key. */
export class HttpWay implements Way {
  readonly #server: () => RunningServer;
  readonly #key: string | undefined;

  /** `key`: default the server's own, which may do everything. */
  constructor(server: () => RunningServer, key?: string) {
    this.#server = server;
    this.#key = key;
  }

  /** `request` is "POST /v1/…". Returns the answer; rejects with a `Refusal`. */
  async call<Result>(request: string, body?: object): Promise<Result> {
    const [method = "", path = ""] = request.split(" ");
    const { url, apiKey } = this.#server();
    const response = await fetch(url + path, {
      method,
      headers: { "X-API-Key": this.#key ?? apiKey },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const json: unknown = text === "" ? {} : JSON.parse(text);
    // Of the shape that the API describes.
    if (!response.ok) throw new HttpRefusal(json as Refusal);
    return json as Result;
  }

  async declareExchange(name: string, members: object = { type: "topic" }): Promise<void> {
    await this.call(`PUT /v1/exchanges/${encodeURIComponent(name)}`, members);
  }

  async declareQueue(name: string, members: object = {}): Promise<string> {
    await this.call(`PUT /v1/queues/${encodeURIComponent(name)}`, members);
    return name;
  }

  async bind(
    exchange: string,
    key: string,
    destination: Destination,
    more: object = {},
  ): Promise<void> {
    await this.call("POST /v1/bindings", { exchange, key, destination, ...more });
  }

  async publish({ exchange, ...event }: EventMembers): Promise<Published> {
    const work = this.call<Published>(`POST /v1/exchanges/${exchange}/publish`, event);
    const refused = await refusal(work);
    return refused ?? work;
  }

  async take(queue: string, count: number): Promise<readonly Taken[]> {
    const taken: Taken[] = [];
    while (taken.length < count) {
      const pulled = await this.pull(queue, { max: count - taken.length, wait_ms: 20_000 });
      for (const one of pulled) taken.push(this.#takenOf(one));
    }
    return taken;
  }

  async pull(queue: string, members: object = {}): Promise<readonly Pulled[]> {
    const { deliveries } = await this.call<{ readonly deliveries: readonly Pulled[] }>(
      `POST /v1/queues/${queue}/pull`,
      members,
    );
    return deliveries;
  }

  /** "ack", "nack", "reject", "extend"; answers an outcome per receipt. */
  async receipts(
    queue: string,
    verb: string,
    receipts: readonly string[],
    more: object = {},
  ): Promise<readonly string[]> {
    const { results } = await this.call<{ readonly results: readonly string[] }>(
      `POST /v1/queues/${queue}/${verb}`,
      { receipts, ...more },
    );
    return results;
  }

  figures(queue: string): Promise<QueueFigures> {
    return this.call(`GET /v1/queues/${queue}`);
  }

  /** In the order of delivery. */
  async browse<Message extends object>(queue: string): Promise<readonly Message[]> {
    const { messages } = await this.call<{ readonly messages: readonly Message[] }>(
      `GET /v1/queues/${queue}/messages?limit=1000`,
    );
    return messages;
  }

  #takenOf(pulled: Pulled): Taken {
    const settle = async (type: string, more: object = {}): Promise<void> => {
      const [result] = await this.receipts(pulled.queue, type, [pulled.receipt], more);
      if (result !== "settled") throw new Error(`${type} of ${pulled.id} was ${result}`);
    };
    return { ...pulled, settle };
  }
}
