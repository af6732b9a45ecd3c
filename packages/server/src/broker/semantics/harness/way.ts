/** A delivery, whichever way it came. Members as on the wire, as far as the tests look at them. */
export interface DeliveryMembers {
  readonly id: string;
  readonly queue: string;
  readonly exchange: string;
  readonly key: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
  readonly b64body?: string;
  readonly content_type?: string;
  readonly redelivered: boolean;
  readonly attempt: number;
  readonly priority?: number;
  readonly deaths?: readonly Death[];
}

export interface Death {
  readonly queue: string;
  readonly reason: string;
  readonly count: number;
  readonly exchange: string;
  readonly key: string;
}

/** Unsettled until `settle`, which fulfils after commit. */
export interface Taken extends DeliveryMembers {
  settle(type: "ack" | "nack" | "reject", more?: object): Promise<void>;
}

/** `{"id","routed",…}`, or what was wrong. */
export interface Published {
  readonly id?: string;
  readonly routed?: number;
  readonly duplicate?: true;
  readonly returned?: true;
  readonly code?: number;
  readonly message?: string;
}

/** The default exchange is `amq.default`. */
export interface EventMembers {
  readonly exchange: string;
  readonly key?: string;
  readonly body?: unknown;
  readonly [member: string]: unknown;
}

export interface Refusal {
  readonly code: number;
  readonly message: string;
}

/** How a program reaches the broker: the same semantics over HTTP and through the SDK. */
export interface Way {
  declareExchange(name: string, members?: object): Promise<void>;
  /** Returns its name. */
  declareQueue(name: string, members?: object): Promise<string>;
  bind(exchange: string, key: string, destination: Destination, more?: object): Promise<void>;
  /** Never rejects for a refusal. */
  publish(event: EventMembers): Promise<Published>;
  /** Waits for the next `count` deliveries. */
  take(queue: string, count: number): Promise<readonly Taken[]>;
}

export interface Destination {
  readonly type: "queue" | "channel" | "exchange";
  readonly name: string;
}

export function queueNamed(name: string): Destination {
  return { type: "queue", name };
}

export function exchangeNamed(name: string): Destination {
  return { type: "exchange", name };
}

export function channelNamed(name: string): Destination {
  return { type: "channel", name };
}

/** A name of its own, so that tests share one server. */
export function fresh(prefix: string): string {
  return `${prefix}-${crypto.randomUUID().slice(0, 13)}`;
}

export function bodies(deliveries: readonly DeliveryMembers[]): readonly unknown[] {
  return deliveries.map(({ body }) => body);
}

/** What a promise rejects with; undefined: it does not. */
export async function refusal(work: Promise<unknown>): Promise<Refusal | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    // The SDK rejects with plain objects, `HttpWay` with errors that have a code.
    const { code, message } = error as Refusal;
    return { code, message };
  }
}
