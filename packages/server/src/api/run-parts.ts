/** Parts of one broadcast or batch that are under way at a time. */
export const maxParallelParts = 1_024;

/**
 * Parts after which the event loop gets a turn: operations that complete at once (memory bus) would otherwise let
 * nothing else in until the last part of a long request is done.
 */
export const partsPerTurn = 256;

/**
 * Runs `run(0)` … `run(count - 1)`, started in order, at most `parallel` at a time, and gives their results in order.
 * `run` must not reject.
 */
export async function runParts<Result>(
  count: number,
  parallel: number,
  run: (index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  let doneInTurn = 0;
  // One turn for all workers: with turns of their own each would do `partsPerTurn`, all within the same turn.
  let turn: Promise<void> | undefined;
  const nextTurn = async (): Promise<void> => {
    await eventLoopTurn();
    doneInTurn = 0;
    turn = undefined;
  };
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      results[index] = await run(index);
      doneInTurn += 1;
      if (doneInTurn >= partsPerTurn) await (turn ??= nextTurn());
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, count) }, worker));
  return results;
}

export function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
