import { elementById, setText } from "../element.ts";
import type { BrokerState } from "./broker-state.ts";
import { type ChooseNode, createPictureView } from "./picture-view.ts";
import { createRouteList } from "./route-list.ts";
import { type TopologyGraph, topologyGraph } from "./topology-graph.ts";
import { countOf } from "./words.ts";

/** More nodes than this are a list, unless the visitor asks for the picture. */
const mostNodesAtFirst = 60;
/** More are never a picture: nobody could read it, and drawing it would take long. */
const mostNodes = 250;
/** On a narrower screen it is a list at first. */
const narrow = "(max-width: 640px)";

type Look = "picture" | "list";

export interface RoutesView {
  show(state: BrokerState): void;
  /** What is said while nothing can be shown. */
  showBlank(kind: "joining" | "denied" | "none", text: string): void;
}

/** Exchanges, bindings and queues, as a picture or as a list. `setUpExample` returns what went wrong. */
export function createRoutesView(
  choose: ChooseNode,
  setUpExample: () => Promise<string | undefined>,
): RoutesView {
  const count = elementById("routes-count", HTMLElement);
  const blank = elementById("routes-blank", HTMLElement);
  const blankText = elementById("routes-blank-text", HTMLElement);
  const example = elementById("example", HTMLButtonElement);
  const exampleProblem = elementById("example-problem", HTMLElement);
  const frames: Readonly<Record<Look, HTMLElement>> = {
    picture: elementById("picture-frame", HTMLElement),
    list: elementById("route-list-frame", HTMLElement),
  };
  const buttons: Readonly<Record<Look, HTMLButtonElement>> = {
    picture: elementById("as-picture", HTMLButtonElement),
    list: elementById("as-list", HTMLButtonElement),
  };
  const looks = elementById("routes-look", HTMLElement);
  const hint = elementById("picture-hint", HTMLElement);
  const picture = createPictureView(choose);
  const showList = createRouteList();
  let asked: Look | undefined;
  let state: BrokerState | undefined;

  const lookOf = ({ nodes }: TopologyGraph): Look => {
    if (nodes.length > mostNodes) return "list";
    if (asked !== undefined) return asked;
    return nodes.length > mostNodesAtFirst || matchMedia(narrow).matches ? "list" : "picture";
  };
  const show = (): void => {
    if (state === undefined) return;
    const graph = topologyGraph(state);
    const isEmpty = state.bindings.length === 0 && state.queues.every((queue) => queue.built_in);
    const look = lookOf(graph);
    const { exchanges, queues, bindings } = state;
    setText(
      count,
      [
        countOf(exchanges.length, "exchange"),
        countOf(bindings.length, "binding"),
        countOf(queues.length, "queue"),
      ].join(", "),
    );
    blank.hidden = !isEmpty;
    example.hidden = !isEmpty;
    if (isEmpty) {
      blank.dataset["kind"] = "empty";
      setText(
        blankText,
        "Nothing is declared yet. Declare a queue below, or begin with an example: one exchange, three queues.",
      );
    }
    for (const name of ["picture", "list"] as const) {
      frames[name].hidden = isEmpty || name !== look;
      buttons[name].setAttribute("aria-pressed", String(name === look));
    }
    looks.hidden = isEmpty;
    buttons.picture.disabled = graph.nodes.length > mostNodes;
    hint.hidden = isEmpty || look !== "picture" || graph.unused === 0;
    setText(
      hint,
      `${countOf(graph.unused, "built-in exchange")} without bindings not shown. amq.default reaches every queue by its name.`,
    );
    if (isEmpty || look !== "picture") picture.hide();
    else picture.show(graph, state);
    if (!isEmpty && look === "list") showList(state);
  };

  for (const name of ["picture", "list"] as const) {
    buttons[name].addEventListener("click", () => {
      asked = name;
      show();
    });
  }
  matchMedia(narrow).addEventListener("change", show);
  example.addEventListener("click", () => {
    example.disabled = true;
    void setUpExample().then((problem) => {
      example.disabled = false;
      exampleProblem.hidden = problem === undefined;
      setText(exampleProblem, problem ?? "");
    });
  });

  return {
    show(next) {
      state = next;
      show();
    },
    showBlank(kind, text) {
      if (state !== undefined) return;
      blank.dataset["kind"] = kind;
      setText(blankText, text);
    },
  };
}
