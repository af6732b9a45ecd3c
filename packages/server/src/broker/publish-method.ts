import type { BrokerOperations, Caller, NewEvent, RpcMethod } from "@switchyard/core";
import { SwitchyardError } from "@switchyard/core";
import { type JsonText, sliceMembers, trustJsonText } from "@switchyard/protocol";
import type { BrokerConnections } from "./broker-connections.ts";
import { requirePublish } from "./client-permissions.ts";
import { bodyMembers, quoted } from "./delivery-json.ts";
import { requireObjectText } from "./method-data.ts";
import { readNewEvent } from "./new-event.ts";

/**
 * `exchange.publish`: answered after commit with `{"id","routed"}`, `"duplicate":true` for an id that is known. What
 * is `mandatory` and goes nowhere comes back as a `return` before its answer.
 */
export function createPublishMethod(
  broker: BrokerOperations,
  connections: BrokerConnections,
): RpcMethod {
  return async (caller, data) => {
    const text = requireObjectText(data);
    const event = readNewEvent(text, sliceMembers(text));
    requirePublish(caller, event.exchange, event.key);
    const connection = connections.of(caller);
    connection.publishing(text.length);
    try {
      const [outcome] = await broker.publish([event], publisherOf(caller));
      switch (outcome?.kind) {
        case "confirmed": {
          const tail = outcome.duplicate ? `,"duplicate":true}` : "}";
          return trustJsonText(`{"id":${quoted(outcome.id)},"routed":${outcome.routed}${tail}`);
        }
        case "returned":
          caller.send(returnOf(event, outcome.id));
          return trustJsonText(`{"id":${quoted(outcome.id)},"routed":0,"returned":true}`);
        case "failed":
          throw outcome.error;
        case undefined:
          throw new SwitchyardError("internal", { cause: new Error("no outcome of an event") });
      }
    } finally {
      connection.confirmed(text.length);
    }
  };
}

/** Whose ids are remembered: a user's, over all connections; anonymous ones must not be able to claim each other's. */
function publisherOf({ user, connection }: Caller): string {
  // Quoted, because a user's id may hold what the store cannot.
  return user === "" ? `connection:${connection}` : `user:${quoted(user)}`;
}

/** AMQP 0-9-1 basic.return, with its code. */
function returnOf(event: NewEvent, id: string): JsonText {
  const { exchange, key, headers, body, contentType } = event;
  const given = contentType ?? (typeof body === "string" ? undefined : "application/octet-stream");
  return trustJsonText(
    `{"type":"return","id":${quoted(id)},"exchange":${quoted(exchange)},"key":${quoted(key)}` +
      `,"headers":${JSON.stringify(headers)},${bodyMembers(body, given)},"code":312,"message":"NO_ROUTE"}`,
  );
}
