/**
 * Import cycles in a graph of files: one shortest cycle for each group of files that all reach each other,
 * as the list of its files, beginning with the first in alphabetical order.
 */
export function findCycles(
  graph: ReadonlyMap<string, ReadonlySet<string>>,
): readonly (readonly string[])[] {
  const cycles: (readonly string[])[] = [];
  const covered = new Set<string>();
  for (const file of [...graph.keys()].toSorted()) {
    if (covered.has(file)) continue;
    const cycle = shortestCycle(graph, file);
    if (cycle === undefined) continue;
    cycles.push(cycle);
    // What this file reaches and is reached from is the same tangle, told once.
    for (const other of reachable(graph, file)) {
      if (reachable(graph, other).has(file)) covered.add(other);
    }
  }
  return cycles;
}

function shortestCycle(
  graph: ReadonlyMap<string, ReadonlySet<string>>,
  start: string,
): readonly string[] | undefined {
  const queue: (readonly string[])[] = [[start]];
  const visited = new Set<string>();
  for (let trail = queue.shift(); trail !== undefined; trail = queue.shift()) {
    for (const next of graph.get(trail.at(-1) ?? start) ?? []) {
      if (next === start) return trail;
      if (visited.has(next)) continue;
      visited.add(next);
      queue.push([...trail, next]);
    }
  }
  return undefined;
}

function reachable(
  graph: ReadonlyMap<string, ReadonlySet<string>>,
  start: string,
): ReadonlySet<string> {
  const visited = new Set<string>();
  const stack = [start];
  for (let file = stack.pop(); file !== undefined; file = stack.pop()) {
    for (const next of graph.get(file) ?? []) {
      if (visited.has(next)) continue;
      visited.add(next);
      stack.push(next);
    }
  }
  return visited;
}
