import { bindingText, type BrokerState } from "./broker-state.ts";

export type NodeKind = "exchange" | "queue" | "channel";

export interface GraphNode {
  /** `queue:packing`. */
  readonly id: string;
  readonly kind: NodeKind;
  readonly name: string;
}

/** All bindings from one node to another, or that the one is the other's alternate exchange. */
export interface GraphEdge {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly kind: "binding" | "alternate";
  /** What the bindings ask for, in order; without those that ask nothing. */
  readonly keys: readonly string[];
}

export interface TopologyGraph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  /** Predeclared exchanges that are left out: nothing is bound to them, and nothing has been published. */
  readonly unused: number;
}

export function nodeId(kind: NodeKind, name: string): string {
  return `${kind}:${name}`;
}

/** What there is to draw. */
export function topologyGraph({ exchanges, queues, bindings }: BrokerState): TopologyGraph {
  const nodes = new Map<string, GraphNode>();
  const edges = new Map<string, GraphEdge>();
  const addNode = (kind: NodeKind, name: string): string => {
    const id = nodeId(kind, name);
    if (!nodes.has(id)) nodes.set(id, { id, kind, name });
    return id;
  };
  const addEdge = (from: string, to: string, kind: GraphEdge["kind"], key: string): void => {
    const id = JSON.stringify([kind, from, to]);
    const keys = edges.get(id)?.keys ?? [];
    edges.set(id, { id, from, to, kind, keys: key === "" ? keys : [...keys, key].toSorted() });
  };

  const alternates = new Set(exchanges.flatMap((exchange) => exchange.alternate_exchange ?? []));
  const bound = new Set(
    bindings.flatMap(({ exchange, destination }) =>
      destination.type === "exchange" ? [exchange, destination.name] : [exchange],
    ),
  );
  let unused = 0;
  for (const { name, built_in: builtIn, published } of exchanges) {
    if (builtIn && published === 0 && !bound.has(name) && !alternates.has(name)) unused += 1;
    else addNode("exchange", name);
  }
  for (const { name } of queues) addNode("queue", name);
  for (const binding of bindings) {
    const from = addNode("exchange", binding.exchange);
    const to = addNode(binding.destination.type, binding.destination.name);
    addEdge(from, to, "binding", bindingText(binding));
  }
  for (const { name, alternate_exchange: alternate } of exchanges) {
    if (alternate === undefined) continue;
    addEdge(addNode("exchange", name), addNode("exchange", alternate), "alternate", "");
  }
  return { nodes: [...nodes.values()], edges: [...edges.values()], unused };
}

/** The nodes and edges on all ways that lead to `node` or from it. */
export function pathsOf(
  node: string,
  edges: readonly GraphEdge[],
): { readonly nodes: ReadonlySet<string>; readonly edges: ReadonlySet<string> } {
  const nodes = new Set([node]);
  const found = new Set<string>();
  const follow = (near: "from" | "to", far: "from" | "to"): void => {
    const seen = new Set([node]);
    const open = [node];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      for (const edge of edges) {
        if (edge[near] !== at) continue;
        found.add(edge.id);
        nodes.add(edge[far]);
        if (seen.has(edge[far])) continue;
        seen.add(edge[far]);
        open.push(edge[far]);
      }
    }
  };
  follow("from", "to");
  follow("to", "from");
  return { nodes, edges: found };
}
