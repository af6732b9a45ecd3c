import {
  type BindingDefinition,
  type Caller,
  type CapabilityKind,
  type CapabilityVerb,
  type ExchangeDefinition,
  type QueueDefinition,
  SwitchyardError,
} from "@switchyard/core";
import { shownExchange } from "../api/v1/members.ts";

const nouns = { channels: "channel", exchanges: "exchange", queues: "queue" } as const;

/** Throws `permissionDenied` that names what is missing, unless the caller's capabilities allow `verb`. */
export function requireCapability(
  caller: Caller,
  kind: CapabilityKind,
  name: string,
  verb: CapabilityVerb,
): void {
  if (caller.allows(kind, name, verb)) return;
  throw new SwitchyardError("permissionDenied", {
    detail: `permission denied: this needs ${verb} on ${nouns[kind]} ${JSON.stringify(name)}`,
  });
}

/** The default exchange goes by its shown name here, as in requests. */
export function requireOnExchange(caller: Caller, exchange: string, verb: CapabilityVerb): void {
  requireCapability(caller, "exchanges", shownExchange(exchange), verb);
}

/** The default exchange reaches queues by their names: `publish` on the queue is enough for it. */
export function requirePublish(caller: Caller, exchange: string, key: string | undefined): void {
  const toQueue = exchange === "" && key !== undefined && caller.allows("queues", key, "publish");
  if (!toQueue) requireOnExchange(caller, exchange, "publish");
}

/** What an exchange hands on, its declarer publishes. */
export function requireDeclareExchange(caller: Caller, exchange: ExchangeDefinition): void {
  requireOnExchange(caller, exchange.name, "declare");
  if (exchange.alternateExchange !== undefined)
    requirePublish(caller, exchange.alternateExchange, undefined);
}

/** As for exchanges: dead letters are published. */
export function requireDeclareQueue(caller: Caller, queue: QueueDefinition): void {
  requireCapability(caller, "queues", queue.name, "declare");
  if (queue.deadLetterExchange !== undefined)
    requirePublish(caller, queue.deadLetterExchange, queue.deadLetterKey);
}

/** `bind` at both ends. `owned`: the destination is an exclusive queue of the caller's, which may do with it what it likes. */
export function requireBind(caller: Caller, binding: BindingDefinition, owned: boolean): void {
  const { type, name } = binding.destination;
  requireOnExchange(caller, binding.exchange, "bind");
  if (type === "exchange") requireOnExchange(caller, name, "bind");
  else if (!owned) requireCapability(caller, kindOf[type], name, "bind");
}

const kindOf = { queue: "queues", channel: "channels" } as const;
