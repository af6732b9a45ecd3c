import type { RunningServer } from "@switchyard/testkit";

/** The part of V8's heap snapshot format that tells how many objects of a class there are. */
interface HeapSnapshot {
  readonly snapshot: { readonly meta: { readonly node_fields: readonly string[] } };
  /** One node after the other, each as many numbers as there are fields. */
  readonly nodes: readonly number[];
  readonly strings: readonly string[];
}

export interface Heap {
  /** Living objects by the name of their class. */
  readonly counts: ReadonlyMap<string, number>;
  /** What they take together. */
  readonly bytes: number;
}

/** What lives in `server`'s heap after a full collection. */
export async function heapObjects({ url, apiKey }: RunningServer): Promise<Heap> {
  const headers = { "X-API-Key": apiKey, Connection: "close" };
  const response = await fetch(`${url}/debug/heap`, { method: "POST", headers });
  if (!response.ok) throw new Error(`/debug/heap answered ${response.status}`);
  // The runtime's own format.
  const { snapshot, nodes, strings } = (await response.json()) as HeapSnapshot;
  const fields = snapshot.meta.node_fields;
  const [name, size] = [fields.indexOf("name"), fields.indexOf("self_size")];
  const counts = new Map<string, number>();
  let bytes = 0;
  for (let at = 0; at < nodes.length; at += fields.length) {
    const className = strings[nodes[at + name] ?? -1] ?? "";
    counts.set(className, (counts.get(className) ?? 0) + 1);
    bytes += nodes[at + size] ?? 0;
  }
  return { counts, bytes };
}
