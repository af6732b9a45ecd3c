import type { GraphEdge, GraphNode, TopologyGraph } from "./topology-graph.ts";

export interface PlacedNode extends GraphNode {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface PlacedEdge extends GraphEdge {
  /** Of a path. */
  readonly d: string;
  /** Where it enters its node. */
  readonly endX: number;
  readonly endY: number;
  /** Pixels that the text of its keys has, left of that. */
  readonly labelWidth: number;
}

export interface GraphLayout {
  readonly nodes: readonly PlacedNode[];
  readonly edges: readonly PlacedEdge[];
  readonly width: number;
  readonly height: number;
}

const nodeHeight = 48;
/** Between the edges that end at one node: the height of their keys' text. */
const portPitch = 16;
const rowGap = 14;
/** Of an edge that passes a column. */
const wayHeight = 4;
const leastGap = 150;
const mostGap = 420;
const leastNodeWidth = 168;
const mostNodeWidth = 270;
/** Exchanges that feed exchanges stand in columns of their own; a longer chain runs back within the last one. */
const mostExchangeColumns = 3;
const sweeps = 6;

/** A place in a column: of a node, or of an edge that passes on its way to a later column. */
interface Slot {
  readonly id: string;
  /** By which those without neighbours are sorted. */
  readonly name: string;
  readonly node: GraphNode | undefined;
  readonly height: number;
}

interface PlacedSlot extends Slot {
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

/** An edge with the slots that it goes through, from its beginning to its end. */
interface Route {
  readonly edge: GraphEdge;
  readonly stations: readonly string[];
}

/**
 * Exchanges left, one column after those that feed them, queues and channels right. In each column a node stands near
 * the middle of its neighbours, which leaves few crossings; edges over more than one column have a place of their own
 * between the nodes. Pixels; not narrower than it needs, whatever `width`.
 */
export function layOut(graph: TopologyGraph, width: number): GraphLayout {
  const { columns, routes } = slotsOf(graph);
  orderColumns(columns, routes);
  const gaps = Math.max(1, columns.length - 1);
  const nodeWidth = clamp(
    (width - gaps * (leastGap + 40)) / columns.length,
    leastNodeWidth,
    mostNodeWidth,
  );
  const gap = clamp((width - columns.length * nodeWidth) / gaps, leastGap, mostGap);

  const columnHeight = (column: readonly Slot[]): number =>
    column.reduce((sum, slot) => sum + slot.height + rowGap, -rowGap);
  const height = Math.max(nodeHeight, ...columns.map(columnHeight));

  const placed = new Map<string, PlacedSlot>();
  columns.forEach((column, index) => {
    let y = (height - columnHeight(column)) / 2;
    for (const slot of column) {
      placed.set(slot.id, { ...slot, x: index * (nodeWidth + gap), y, width: nodeWidth });
      y += slot.height + rowGap;
    }
  });
  return {
    nodes: [...placed.values()].flatMap(({ node, x, y, width, height }) =>
      node === undefined ? [] : [{ ...node, x, y, width, height }],
    ),
    edges: placeEdges(routes, placed, gap),
    width: columns.length * nodeWidth + (columns.length - 1) * gap,
    height,
  };
}

function slotsOf(graph: TopologyGraph): {
  readonly columns: Slot[][];
  readonly routes: readonly Route[];
} {
  const columns: Slot[][] = [];
  const columnOf = new Map<string, number>();
  columnsOf(graph).forEach((nodes, index) => {
    columns.push(
      nodes.map((node) => {
        const ports = graph.edges.filter(({ to }) => to === node.id).length;
        const height = Math.max(nodeHeight, ports * portPitch + 12);
        return { id: node.id, name: node.name, node, height };
      }),
    );
    for (const { id } of nodes) columnOf.set(id, index);
  });
  const routes = graph.edges.map((edge) => {
    const passed: string[] = [];
    const end = columnOf.get(edge.to) ?? 0;
    for (let at = (columnOf.get(edge.from) ?? 0) + 1; at < end; at += 1) {
      const id = `way:${at}:${edge.id}`;
      columns[at]?.push({ id, name: edge.to, node: undefined, height: wayHeight });
      passed.push(id);
    }
    return { edge, stations: [edge.from, ...passed, edge.to] };
  });
  return { columns, routes };
}

function columnsOf({ nodes, edges }: TopologyGraph): GraphNode[][] {
  const depths = new Map<string, number>();
  for (const { id, kind } of nodes) if (kind === "exchange") depths.set(id, 0);
  // As many rounds as there can be columns: a cycle stops there.
  for (let round = 1; round < mostExchangeColumns; round += 1) {
    for (const { from, to } of edges) {
      const depth = depths.get(to);
      if (depth === undefined || from === to) continue;
      depths.set(to, clamp((depths.get(from) ?? 0) + 1, depth, mostExchangeColumns - 1));
    }
  }
  const used = [...new Set(depths.values())].toSorted((a, b) => a - b);
  const columns = used.map((depth) => nodes.filter(({ id }) => depths.get(id) === depth));
  const ends = nodes.filter(({ kind }) => kind !== "exchange");
  return [...columns, ...(ends.length === 0 ? [] : [ends])];
}

/** Sorts each column in place: by name at first, then again and again by the mean place of each slot's neighbours. */
function orderColumns(columns: Slot[][], routes: readonly Route[]): void {
  const place = new Map<string, number>();
  const number = (column: readonly Slot[]): void =>
    column.forEach(({ id }, index) => place.set(id, (index + 0.5) / column.length));
  for (const column of columns) {
    column.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    number(column);
  }
  const neighbours = new Map<string, string[]>();
  const join = (a: string, b: string): void => {
    neighbours.set(a, [...(neighbours.get(a) ?? []), b]);
    neighbours.set(b, [...(neighbours.get(b) ?? []), a]);
  };
  for (const { stations } of routes)
    stations.slice(1).forEach((station, index) => join(stations[index] ?? station, station));
  for (let sweep = 0; sweep < sweeps; sweep += 1) {
    for (const column of sweep % 2 === 0 ? columns : columns.toReversed()) {
      const wanted = new Map(
        column.map(({ id }) => {
          const places = (neighbours.get(id) ?? []).map((other) => place.get(other) ?? 0);
          const mean = places.reduce((sum, at) => sum + at, 0) / places.length;
          // Those without neighbours stand below.
          return [id, places.length === 0 ? 2 : mean] as const;
        }),
      );
      column.sort((a, b) => (wanted.get(a.id) ?? 0) - (wanted.get(b.id) ?? 0));
      number(column);
    }
  }
}

/** Edges leave and enter a node side by side, in the order of where they come from and go to next. */
function placeEdges(
  routes: readonly Route[],
  slots: ReadonlyMap<string, PlacedSlot>,
  gap: number,
): PlacedEdge[] {
  const middleOf = (id: string | undefined): number => {
    const slot = slots.get(id ?? "");
    return slot === undefined ? 0 : slot.y + slot.height / 2;
  };
  /** Where `route` meets its first (0, 1) or last (-1, -2) station; the other number is the station beside it. */
  const port = (route: Route, end: 0 | -1, beside: 1 | -2): number => {
    const node = route.stations.at(end) ?? "";
    const others = routes
      .filter(({ stations }) => stations.at(end) === node)
      .toSorted((a, b) => middleOf(a.stations.at(beside)) - middleOf(b.stations.at(beside)));
    const pitch = Math.min(portPitch, ((slots.get(node)?.height ?? 0) - 8) / others.length);
    return middleOf(node) + (others.indexOf(route) - (others.length - 1) / 2) * pitch;
  };
  return routes.flatMap((route) => {
    const { edge, stations } = route;
    const [from, to] = [slots.get(edge.from), slots.get(edge.to)];
    if (from === undefined || to === undefined) return [];
    const [startX, endX] = [from.x + from.width, to.x];
    const endY = port(route, -1, -2);
    let d = `M${startX} ${port(route, 0, 1)}`;
    let lastX = startX;
    let lastY = port(route, 0, 1);
    const curveTo = (x: number, y: number): void => {
      const bend = Math.max(gap * 0.5, Math.abs(x - lastX) * 0.4);
      d += `C${lastX + bend} ${lastY} ${x - bend} ${y} ${x} ${y}`;
      [lastX, lastY] = [x, y];
    };
    for (const station of stations.slice(1, -1)) {
      const slot = slots.get(station);
      if (slot === undefined) continue;
      curveTo(slot.x, middleOf(station));
      lastX = slot.x + slot.width;
      d += `H${lastX}`;
    }
    curveTo(endX, endY);
    return [{ ...edge, d, endX, endY, labelWidth: gap * 0.75 }];
  });
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
