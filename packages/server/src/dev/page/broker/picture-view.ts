import { elementById, setText } from "../element.ts";
import type { BrokerState } from "./broker-state.ts";
import { type GraphLayout, layOut, type PlacedEdge, type PlacedNode } from "./graph-layout.ts";
import { nodeId, pathsOf, type TopologyGraph } from "./topology-graph.ts";
import { countOf, shortCount, shorten } from "./words.ts";

const svgNamespace = "http://www.w3.org/2000/svg";
/** Around the drawing, for the outline of what has the focus. */
const margin = 4;
/** Of a name or a key; no room is wide enough for more. */
const mostCharacters = 80;

export interface PictureView {
  /** `graph` is drawn anew only when it or the room for it has changed. */
  show(graph: TopologyGraph, state: BrokerState): void;
  /** Draws nothing more until the next `show`. */
  hide(): void;
}

/** A node that the visitor has chosen. */
export type ChooseNode = (node: PlacedNode) => void;

interface DrawnNode {
  readonly element: SVGGElement;
  readonly amount: SVGTextElement;
  readonly note: SVGTextElement;
  readonly title: SVGTitleElement;
}

/** Exchanges left, queues and channels right. What leads to a node and from it is lit while it has the focus or the pointer. */
export function createPictureView(choose: ChooseNode): PictureView {
  const frame = elementById("picture-frame", HTMLElement);
  const svg = elementById("picture", SVGSVGElement);
  const nodes = new Map<string, DrawnNode>();
  const edges = new Map<string, SVGElement>();
  let drawn: string | undefined;
  let graph: TopologyGraph | undefined;
  let state: BrokerState | undefined;

  const light = (id: string | undefined): void => {
    const lit = id === undefined || graph === undefined ? undefined : pathsOf(id, graph.edges);
    svg.classList.toggle("some-lit", lit !== undefined);
    for (const [node, { element }] of nodes)
      element.classList.toggle("lit", lit?.nodes.has(node) === true);
    for (const [edge, element] of edges)
      element.classList.toggle("lit", lit?.edges.has(edge) === true);
  };
  // What has the focus counts when the pointer is nowhere.
  const focused = (): string | undefined =>
    [...nodes].find(([, { element }]) => element === document.activeElement)?.[0];

  const draw = (layout: GraphLayout): void => {
    const hadFocus = focused();
    nodes.clear();
    edges.clear();
    const [width, height] = [layout.width + 2 * margin, layout.height + 2 * margin];
    svg.setAttribute("viewBox", `${-margin} ${-margin} ${width} ${height}`);
    svg.setAttribute("width", String(width));
    svg.setAttribute("height", String(height));
    svg.replaceChildren();
    for (const edge of layout.edges) {
      const element = drawEdge(edge);
      edges.set(edge.id, element);
      svg.append(element);
      fit(element.querySelector(".key"), edge.labelWidth);
    }
    for (const node of layout.nodes) {
      const parts = drawNode(node);
      nodes.set(node.id, parts);
      const { element } = parts;
      element.addEventListener("pointerenter", () => light(node.id));
      element.addEventListener("pointerleave", () => light(focused()));
      element.addEventListener("focus", () => light(node.id));
      element.addEventListener("blur", () => light(undefined));
      element.addEventListener("click", () => choose(node));
      element.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        choose(node);
      });
      svg.append(element);
      fit(element.querySelector(".node-name"), nameRoom(node));
    }
    if (hadFocus !== undefined) nodes.get(hadFocus)?.element.focus();
  };

  const redraw = (): void => {
    if (graph === undefined || state === undefined) return;
    const width = frame.clientWidth - 2 * margin;
    if (width <= 0) return;
    const wanted = JSON.stringify([width, graph.nodes, graph.edges]);
    if (wanted !== drawn) {
      drawn = wanted;
      draw(layOut(graph, width));
    }
    for (const { name, type, published, unroutable } of state.exchanges) {
      const lost = unroutable === 0 ? "" : ` · ${shortCount(unroutable)} unroutable`;
      const amounts = `${shortCount(published)} published${lost}`;
      showNode(nodes.get(nodeId("exchange", name)), "", `${type} · ${amounts}`, `Exchange ${name}`);
    }
    for (const queue of state.queues) {
      const { name, ready, unsettled, delayed, consumers } = queue;
      const note = [
        ...(unsettled > 0 ? [`${shortCount(unsettled)} unsettled`] : []),
        ...(delayed > 0 ? [`${shortCount(delayed)} delayed`] : []),
        consumers === 0 ? "no consumer" : countOf(consumers, "consumer"),
      ].join(" · ");
      showNode(nodes.get(nodeId("queue", name)), shortCount(ready), note, `Queue ${name}, ready`);
    }
    for (const { id, kind, name } of graph.nodes)
      if (kind === "channel") showNode(nodes.get(id), "", "channel", `Channel ${name}`);
  };
  new ResizeObserver(redraw).observe(frame);

  return {
    show(nextGraph, nextState) {
      graph = nextGraph;
      state = nextState;
      redraw();
    },
    hide() {
      graph = undefined;
    },
  };
}

function showNode(node: DrawnNode | undefined, amount: string, note: string, spoken: string): void {
  if (node === undefined) return;
  setText(node.amount, amount);
  setText(node.note, note);
  node.element.classList.toggle("waiting", amount !== "" && amount !== "0");
  const label = `${spoken}${amount === "" ? "" : ` ${amount}`}; ${note}`;
  if (node.element.getAttribute("aria-label") === label) return;
  node.element.setAttribute("aria-label", label);
  setText(node.title, label);
}

function drawNode({ kind, name, x, y, width, height }: PlacedNode): DrawnNode {
  const element = create("g", { class: `node ${kind}`, transform: `translate(${x} ${y})` });
  element.setAttribute("tabindex", "0");
  element.setAttribute("role", "button");
  const title = create("title", {});
  const box = create("rect", { class: "box", width, height, rx: kind === "channel" ? 24 : 10 });
  const middle = height / 2;
  const mark = create("path", { class: "mark", d: markOf(kind, middle) });
  const label = create("text", { class: "node-name", x: 36, y: middle - 3 });
  label.textContent = shorten(name, mostCharacters);
  const note = create("text", { class: "node-note", x: 36, y: middle + 14 });
  const amount = create("text", { class: "node-amount", x: width - 12, y: middle - 2 });
  element.append(title, box, mark, label, note, amount);
  return { element, amount, note, title };
}

/** A fork for an exchange, a stack for a queue, waves for a channel; 16 pixels wide. */
function markOf(kind: PlacedNode["kind"], middle: number): string {
  const [top, bottom] = [middle - 6, middle + 6];
  if (kind === "exchange")
    return `M12 ${middle}h5M17 ${middle}C22 ${middle} 21 ${top} 28 ${top}M17 ${middle}C22 ${middle} 21 ${bottom} 28 ${bottom}`;
  if (kind === "queue") return `M13 ${top}h14M13 ${middle}h14M13 ${bottom}h14`;
  return `M15 ${middle}h.01M19 ${top + 2}q4 4 0 8M23 ${top}q7 6 0 12`;
}

function drawEdge(edge: PlacedEdge): SVGElement {
  const group = create("g", { class: `edge ${edge.kind}` });
  const text = edge.kind === "alternate" ? "else" : edge.keys.join(", ");
  const title = create("title", {});
  title.textContent = text;
  group.append(title, create("path", { class: "way", d: edge.d }));
  const { endX: x, endY: y } = edge;
  group.append(
    create("path", { class: "tip", d: `M${x - 7} ${y - 4}L${x} ${y}L${x - 7} ${y + 4}` }),
  );
  if (text !== "") {
    const label = create("text", { class: "key", x: x - 12, y: y - 4 });
    label.textContent = shorten(text, mostCharacters);
    group.append(label);
  }
  return group;
}

/** What a node's name has beside the mark and the amount. */
function nameRoom({ kind, width }: PlacedNode): number {
  return width - 36 - (kind === "queue" ? 58 : 14);
}

/** Shortens a text in the document to `room` pixels: fonts differ too much to know before. */
function fit(text: Element | null, room: number): void {
  if (!(text instanceof SVGTextElement)) return;
  const full = text.textContent;
  let width = text.getComputedTextLength();
  let length = Math.floor((full.length * room) / width);
  for (; width > room && length > 0; length -= 1) {
    text.textContent = shorten(full, length);
    width = text.getComputedTextLength();
  }
}

function create<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string | number>>,
): SVGElementTagNameMap[Tag] {
  const element = document.createElementNS(svgNamespace, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}
