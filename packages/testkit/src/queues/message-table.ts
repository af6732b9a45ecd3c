import {
  delayedLane,
  type Lane,
  type MessageChanges,
  type QueueState,
  type StoredMessage,
} from "@switchyard/core";

/** Messages of durable or of transient queues, by queue and lane in the order of `seq`. */
export class MessageTable {
  readonly #queues = new Map<number, Map<Lane, StoredMessage[]>>();

  lane(queue: number, lane: Lane): readonly StoredMessage[] {
    return this.#queues.get(queue)?.get(lane) ?? [];
  }

  /** The messages above `seq`. */
  above(queue: number, lane: Lane, seq: number): readonly StoredMessage[] {
    const messages = this.lane(queue, lane);
    return messages.slice(firstAtLeast(messages, seq + 1));
  }

  /** What it would be an error to apply: places that are taken, and messages that are both deleted and changed. */
  problemWith({ inserted, deleted, changed }: MessageChanges): string | undefined {
    const leaving = new Set(changed.map(({ queue, lane, seq }) => place(queue, lane, seq)));
    for (const { queue, lane, from, to } of deleted)
      for (const { seq } of this.#range(queue, lane, from, to)) {
        if (leaving.has(place(queue, lane, seq)))
          return `message ${place(queue, lane, seq)} is both deleted and changed`;
        leaving.add(place(queue, lane, seq));
      }
    const entering = [
      ...inserted.map(({ queue, lane, seq }) => [queue, lane, seq] as const),
      ...changed.map(({ queue, newLane, newSeq }) => [queue, newLane, newSeq] as const),
    ];
    const entered = new Set<string>();
    for (const [queue, lane, seq] of entering) {
      const at = place(queue, lane, seq);
      const taken = this.#at(queue, lane, seq) !== undefined && !leaving.has(at);
      if (taken || entered.has(at)) return `there is a message ${at} already`;
      entered.add(at);
    }
    return undefined;
  }

  /** Deletions and changes mean what was there before; what they name and is not there, is passed over. */
  apply({ inserted, deleted, changed }: MessageChanges): void {
    for (const { queue, lane, from, to } of deleted) {
      const messages = this.#queues.get(queue)?.get(lane);
      const start = firstAtLeast(messages ?? [], from);
      messages?.splice(start, firstAtLeast(messages, to + 1) - start);
    }
    const moved = changed.flatMap(({ queue, lane, seq, newLane, newSeq, ...rest }) => {
      const message = this.#at(queue, lane, seq);
      if (message === undefined) return [];
      this.#queues
        .get(queue)
        ?.get(lane)
        ?.splice(firstAtLeast(this.lane(queue, lane), seq), 1);
      return [{ ...message, ...rest, lane: newLane, seq: newSeq }];
    });
    for (const message of [...moved, ...inserted]) this.#insert(message);
  }

  removeQueue(queue: number): void {
    this.#queues.delete(queue);
  }

  clear(): void {
    this.#queues.clear();
  }

  state(queue: number): QueueState["lanes"] {
    return [...(this.#queues.get(queue) ?? [])]
      .filter(([, messages]) => messages.length > 0)
      .map(([lane, messages]) => ({
        lane,
        messages: messages.length,
        bytes: messages.reduce((sum, message) => sum + bodyBytes(message), 0),
      }));
  }

  /** Delayed messages in the order of (deliverAt, seq). Costs a sort. */
  delayed(queue: number): readonly StoredMessage[] {
    return this.lane(queue, delayedLane).toSorted(
      (left, right) => (left.deliverAt ?? 0) - (right.deliverAt ?? 0) || left.seq - right.seq,
    );
  }

  #at(queue: number, lane: Lane, seq: number): StoredMessage | undefined {
    const messages = this.lane(queue, lane);
    const message = messages[firstAtLeast(messages, seq)];
    return message?.seq === seq ? message : undefined;
  }

  #range(queue: number, lane: Lane, from: number, to: number): readonly StoredMessage[] {
    const messages = this.lane(queue, lane);
    return messages.slice(firstAtLeast(messages, from), firstAtLeast(messages, to + 1));
  }

  #insert(message: StoredMessage): void {
    const lanes = this.#queues.get(message.queue) ?? new Map<Lane, StoredMessage[]>();
    this.#queues.set(message.queue, lanes);
    const messages = lanes.get(message.lane) ?? [];
    lanes.set(message.lane, messages);
    messages.splice(firstAtLeast(messages, message.seq), 0, message);
  }
}

/** Bytes of a body as UTF-8. */
export function bodyBytes({ event: { body } }: StoredMessage): number {
  return typeof body === "string" ? Buffer.byteLength(body) : body.byteLength;
}

function place(queue: number, lane: Lane, seq: number): string {
  return `${queue}/${lane}/${seq}`;
}

function firstAtLeast(messages: readonly StoredMessage[], seq: number): number {
  let low = 0;
  let high = messages.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((messages[middle]?.seq ?? Infinity) < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}
