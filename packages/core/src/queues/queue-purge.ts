import type { SeqRange } from "../ports/queue-store.ts";
import type { Batch } from "./batch.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { Message } from "./message.ts";

/** What one statement purges beyond the window: so many that it ends well before its timeout. */
const purgeSeqs = 200_000;

interface Purge {
  readonly inMemory: readonly Message[];
  /** In the store alone. */
  readonly stored: readonly SeqRange[];
  /** Of the queue. */
  readonly durable: boolean;
}

/** Deletes what has been taken out of a queue. It is on its way when this returns; fulfils after commit. */
export async function deletePurged(
  commit: GroupCommit,
  { inMemory, stored, durable }: Purge,
): Promise<void> {
  commit.cut(); // a message must not be changed and deleted in one statement
  const batch = commit.open();
  for (const message of inMemory) batch.delete(message);
  commit.cut();
  const pieces = batch.empty ? [] : [batch];
  for (const range of stored) pieces.push(...deleteStored(commit, range, durable));
  for (const piece of pieces) await commit.confirmed(piece);
}

/** In pieces that are flushes of their own, all of them on their way when it returns. */
function deleteStored(commit: GroupCommit, range: SeqRange, durable: boolean): Batch[] {
  // Delayed messages may be few and far between: not too many statements for them.
  const seqs = Math.max(purgeSeqs, Math.ceil((range.to - range.from + 1) / 100));
  const pieces: Batch[] = [];
  for (let { from } = range; from <= range.to; from += seqs) {
    const piece = commit.open();
    const to = Math.min(range.to, from + seqs - 1);
    piece.deleteRange({ ...range, from, to }, durable);
    pieces.push(piece);
    commit.cut();
  }
  return pieces;
}
