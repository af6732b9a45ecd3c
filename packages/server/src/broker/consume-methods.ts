import {
  asSwitchyardError,
  type BrokerOperations,
  type Caller,
  type Log,
  type RpcMethod,
  type SendHandler,
  SwitchyardError,
} from "@switchyard/core";
import { toJsonText } from "@switchyard/protocol";
import { z } from "zod";
import { name } from "../api/v1/members.ts";
import type { BrokerConnections } from "./broker-connections.ts";
import { ClientConsumer } from "./client-consumer.ts";
import { requireCapability } from "./client-permissions.ts";
import { readMethodData, requireObject } from "./method-data.ts";
import { readSettlementRequest, type SettlementRequest } from "./settlement-request.ts";

const settlementTypes = ["ack", "nack", "reject"] as const;
type SettlementType = (typeof settlementTypes)[number];

const consumption = z.strictObject({
  queue: name,
  prefetch: z.int().min(1).max(5_000).default(100),
});
const cancellation = z.strictObject({ consumer: z.string() });

interface ConsumeMethodsOptions {
  readonly broker: BrokerOperations;
  readonly connections: BrokerConnections;
  readonly log: Log;
}

/** `queue.consume`, `queue.settle`, `queue.cancel`. */
export function createConsumeMethods({
  broker,
  connections,
}: ConsumeMethodsOptions): ReadonlyMap<string, RpcMethod> {
  const consume: RpcMethod = async (caller, data) => {
    const { queue, prefetch } = readMethodData(consumption, data);
    if (!connections.owns(caller, queue)) requireCapability(caller, "queues", queue, "consume");
    const connection = connections.of(caller);
    const consumer = new ClientConsumer(queue, connection);
    connection.begin(consumer);
    try {
      const request = { queue, prefetch, connection: caller.connection };
      consumer.begin(broker.consume(request, consumer));
    } catch (error) {
      consumer.close();
      throw error;
    }
    connection.add(consumer);
    // The first delivery must not overtake the answer, without which the client does not know whose it is.
    return {
      data: toJsonText({ consumer: consumer.name }),
      answered: () => consumer.answered(),
    };
  };

  const settle: RpcMethod = async (caller, data) => {
    const object = requireObject(data);
    const { type = "ack" } = object;
    if (!isSettlementType(type)) throw wrongSettlementType();
    const { consumer: consumerName, tags, settlement } = readSettlementRequest(type, object);
    const consumer = connections.find(caller)?.consumer(consumerName);
    if (!consumer) throw noConsumer(consumerName);
    const { unknownTags, committed } = consumer.settle(tags, settlement);
    await committed;
    const settled = tags.length - unknownTags.length;
    return toJsonText({ settled, ...(unknownTags.length > 0 && { unknown: unknownTags }) });
  };

  const cancel: RpcMethod = async (caller, data) => {
    const { consumer: consumerName } = readMethodData(cancellation, data);
    const consumer = connections.find(caller)?.consumer(consumerName);
    if (!consumer) throw noConsumer(consumerName);
    consumer.cancel();
    return toJsonText({});
  };

  return new Map<string, RpcMethod>([
    ["queue.consume", consume],
    ["queue.settle", settle],
    ["queue.cancel", cancel],
  ]);
}

/** `ack`, `nack`, `reject`: what is wrong with one comes back as an `error`, else nothing does. */
export function createSettleHandlers({
  connections,
  log,
}: ConsumeMethodsOptions): ReadonlyMap<string, SendHandler> {
  const handler =
    (type: SettlementType): SendHandler =>
    (caller, _data, parsed) => {
      let request: SettlementRequest;
      try {
        request = readSettlementRequest(type, parsed);
      } catch (error) {
        return tell(caller, type, asSwitchyardError(error));
      }
      const { consumer: consumerName, tags, settlement } = request;
      const consumer = connections.find(caller)?.consumer(consumerName);
      if (!consumer)
        return tell(caller, type, noConsumer(consumerName), { consumer: consumerName, tags });
      const { unknownTags, committed } = consumer.settle(tags, settlement);
      if (unknownTags.length > 0)
        tell(caller, type, unknownTagsError(), { consumer: consumerName, tags: unknownTags });
      committed.catch((thrown: unknown) => {
        const error = asSwitchyardError(thrown);
        log.debug({ client: caller.connection, type, err: error }, "a settlement failed");
        const known = new Set(unknownTags);
        tell(caller, type, error, {
          consumer: consumerName,
          tags: tags.filter((tag) => !known.has(tag)),
        });
      });
    };
  return new Map(settlementTypes.map((type) => [type, handler(type)]));
}

function tell(
  caller: Caller,
  of: SettlementType,
  error: SwitchyardError,
  what: { readonly consumer?: string; readonly tags?: readonly number[] } = {},
): void {
  const { code } = error.row;
  caller.send(toJsonText({ type: "error", code, message: error.message, of, ...what }));
}

function isSettlementType(type: unknown): type is SettlementType {
  return settlementTypes.some((known) => known === type);
}

function wrongSettlementType(): SwitchyardError {
  return new SwitchyardError("badRequest", {
    detail: `type must be one of: ${settlementTypes.join(", ")}`,
    field: "type",
  });
}

function noConsumer(consumer: string): SwitchyardError {
  return new SwitchyardError("notFound", {
    detail: `not found: this connection has no consumer ${JSON.stringify(consumer.slice(0, 64))}`,
  });
}

function unknownTagsError(): SwitchyardError {
  return new SwitchyardError("notFound", {
    detail: "not found: these tags are unknown, or settled before",
  });
}
