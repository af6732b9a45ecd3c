/**
 * Damerau–Levenshtein distance (optimal string alignment): insertions, deletions, substitutions and swaps of
 * neighbours count one each. O(a × b) time; names here are short.
 */
export function editDistance(a: string, b: string): number {
  let twoBack: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const cost = a[row - 1] === b[column - 1] ? 0 : 1;
      let best = Math.min(
        (previous[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (previous[column - 1] ?? 0) + cost,
      );
      const isSwap =
        row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (isSwap) best = Math.min(best, (twoBack[column - 2] ?? 0) + 1);
      current.push(best);
    }
    twoBack = previous;
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/** Longer input is no typing mistake; without the bound a hostile file could make the search slow. */
const longestName = 100;

/**
 * The known name that `given` was most likely meant to be, or undefined when none is near: at most a third of
 * its characters differ (at least two may). Case, `-` and `_` make no difference. Ties: the first one.
 */
export function nearestName(given: string, known: Iterable<string>): string | undefined {
  if (given.length > longestName) return undefined;
  const wanted = plain(given);
  let nearest: string | undefined;
  let nearestDistance = Math.max(2, Math.floor(wanted.length / 3)) + 1;
  for (const name of known) {
    if (Math.abs(name.length - given.length) > nearestDistance) continue;
    const distance = editDistance(wanted, plain(name));
    // With a distance as long as the name itself nothing of it was typed.
    if (distance < nearestDistance && distance < wanted.length) {
      nearest = name;
      nearestDistance = distance;
    }
  }
  return nearest;
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll("-", "_");
}
