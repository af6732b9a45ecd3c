import {
  type BindingDefinition,
  type BrokerOperations,
  type Caller,
  generatedQueuePrefix,
  type Random,
  type RpcMethod,
  SwitchyardError,
} from "@switchyard/core";
import { type JsonText, toJsonText } from "@switchyard/protocol";
import { z } from "zod";
import {
  bindingBody,
  bindingDefinition,
  exchangeDefinition,
  namedExchange,
  queueBody,
  queueDefinition,
} from "../api/v1/definitions.ts";
import { exchangeNamed, name } from "../api/v1/members.ts";
import type { BrokerConnections } from "./broker-connections.ts";
import {
  requireBind,
  requireCapability,
  requireDeclareExchange,
  requireDeclareQueue,
  requireOnExchange,
} from "./client-permissions.ts";
import { readMethodData } from "./method-data.ts";

interface TopologyMethodsOptions {
  readonly broker: BrokerOperations;
  readonly connections: BrokerConnections;
  readonly random: Random;
}

const condition = z.boolean().default(false);
const exchangeDeletion = z.strictObject({ name, if_unused: condition });
const queueDeletion = z.strictObject({ name, if_empty: condition, if_unused: condition });
const purge = z.strictObject({ name });
/**
 * A queue as a connection declares it: as over HTTP, but it may be exclusive to the connection, and leave its name to
 * the server (missing or ""). `durable` is false by default for what ends with its connection, else true.
 */
const connectionQueue = z.strictObject({
  ...queueBody.shape,
  name: z.union([name, z.literal("")]).default(""),
  exclusive: z.boolean().default(false),
  durable: z.boolean().optional(),
});

/** Names of queues that the server names. */

/** Declaring, deleting, binding. All are answered after commit. */
export function createTopologyMethods({
  broker,
  connections,
  random,
}: TopologyMethodsOptions): ReadonlyMap<string, RpcMethod> {
  /** An exclusive queue's own connection may do with it what it likes. */
  const requireOnQueue = (caller: Caller, queue: string, verb: "delete" | "purge"): void => {
    if (connections.owns(caller, queue)) return;
    requireCapability(caller, "queues", queue, verb);
    connections.refuseForeign(caller, queue);
  };

  const readBinding = (caller: Caller, data: JsonText | undefined): BindingDefinition => {
    const binding = bindingDefinition(readMethodData(bindingBody, data));
    const { destination } = binding;
    const isQueue = destination.type === "queue";
    const owned = isQueue && connections.owns(caller, destination.name);
    requireBind(caller, binding, owned);
    if (isQueue && !owned) connections.refuseForeign(caller, destination.name);
    return binding;
  };

  const declareQueue: RpcMethod = async (caller, data) => {
    const given = readMethodData(connectionQueue, data);
    const isGenerated = given.name === "";
    if (isGenerated && given.durable === true) {
      throw new SwitchyardError("badRequest", {
        detail: "durable must be false for a queue that the server names",
        field: "durable",
      });
    }
    const exclusive = isGenerated || given.exclusive;
    const shared = queueDefinition(
      isGenerated ? generatedQueuePrefix + random.uuid() : given.name,
      {
        ...given,
        durable: given.durable ?? !exclusive,
        auto_delete: isGenerated || given.auto_delete,
      },
    );
    const queue = exclusive ? { ...shared, exclusiveTo: caller.connection } : shared;
    requireDeclareQueue(caller, queue);
    const connection = connections.of(caller);
    if (exclusive) connections.admitExclusive(connection);
    const created = await broker.declareQueue(queue);
    if (exclusive) connections.own(connection, queue.name);
    return toJsonText({ name: queue.name, created });
  };

  return new Map<string, RpcMethod>([
    [
      "exchange.declare",
      async (caller, data) => {
        const given = readMethodData(namedExchange, data);
        const exchange = exchangeDefinition(given.name, given);
        requireDeclareExchange(caller, exchange);
        return toJsonText({ name: given.name, created: await broker.declareExchange(exchange) });
      },
    ],
    [
      "exchange.delete",
      async (caller, data) => {
        const given = readMethodData(exchangeDeletion, data);
        const exchange = exchangeNamed(given.name);
        requireOnExchange(caller, exchange, "delete");
        await broker.deleteExchange(exchange, { ifUnused: given.if_unused });
        return toJsonText({});
      },
    ],
    ["queue.declare", declareQueue],
    [
      "queue.delete",
      async (caller, data) => {
        const given = readMethodData(queueDeletion, data);
        const owned = connections.owns(caller, given.name);
        requireOnQueue(caller, given.name, "delete");
        const messages = await broker.deleteQueue(given.name, {
          ifEmpty: given.if_empty,
          ifUnused: given.if_unused,
          ...(owned && { owner: caller.connection }),
        });
        connections.find(caller)?.exclusiveQueues.delete(given.name);
        return toJsonText({ messages });
      },
    ],
    [
      "queue.purge",
      async (caller, data) => {
        const given = readMethodData(purge, data);
        requireOnQueue(caller, given.name, "purge");
        return toJsonText({ messages: await broker.purgeQueue(given.name) });
      },
    ],
    [
      "binding.create",
      async (caller, data) => toJsonText({ created: await broker.bind(readBinding(caller, data)) }),
    ],
    [
      "binding.delete",
      async (caller, data) => {
        await broker.unbind(readBinding(caller, data));
        return toJsonText({});
      },
    ],
  ]);
}
