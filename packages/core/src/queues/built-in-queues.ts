import type { QueueDefinition } from "../ports/topology-store.ts";

/** Takes what died in queues without a dead-letter exchange. */
export const deadLetterQueue = "switchyard.dead-letters";
/** Events on their way to channels by durable bindings. Internal: nobody else publishes or consumes here. */
export const channelQueue = "switchyard.channels";

const plain: Omit<QueueDefinition, "name"> = {
  durable: true,
  exclusiveTo: undefined,
  autoDelete: false,
  expiresMs: undefined,
  ttlMs: undefined,
  maxLength: undefined,
  maxBytes: undefined,
  overflow: "drop-head",
  deadLetterExchange: undefined,
  deadLetterKey: undefined,
  maxAttempts: undefined,
  retry: undefined,
  singleActiveConsumer: false,
};

export const builtInQueues: readonly QueueDefinition[] = [
  { ...plain, name: deadLetterQueue },
  { ...plain, name: channelQueue },
];

export function isBuiltInQueue(name: string): boolean {
  return builtInQueues.some((queue) => queue.name === name);
}

/** Of the queues that routing found, those that events may be published to. */
export function publicQueues(names: readonly string[]): readonly string[] {
  return names.includes(channelQueue) ? names.filter((name) => name !== channelQueue) : names;
}
