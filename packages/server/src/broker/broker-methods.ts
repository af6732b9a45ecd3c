import type { BrokerOperations, Clock, Log, MethodRegistry, Random } from "@switchyard/core";
import { BrokerConnections } from "./broker-connections.ts";
import { createConsumeMethods, createSettleHandlers } from "./consume-methods.ts";
import { createPublishMethod } from "./publish-method.ts";
import { createTopologyMethods } from "./topology-methods.ts";

interface BrokerMethodsOptions {
  readonly broker: BrokerOperations;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Offers the broker over the client protocol: adds its methods to `methods`, before the hub starts. */
export function addBrokerMethods(
  methods: MethodRegistry,
  { broker, clock, random, log }: BrokerMethodsOptions,
): BrokerConnections {
  const connections = new BrokerConnections({ broker, clock, log });
  methods.rpc.set("exchange.publish", createPublishMethod(broker, connections));
  const more = [
    ...createTopologyMethods({ broker, connections, random }),
    ...createConsumeMethods({ broker, connections, log }),
  ];
  for (const [name, method] of more) methods.rpc.set(name, method);
  for (const [type, handler] of createSettleHandlers({ broker, connections, log }))
    methods.send.set(type, handler);
  return connections;
}
