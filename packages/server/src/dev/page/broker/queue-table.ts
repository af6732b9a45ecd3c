import { createElement, elementById, setText } from "../element.ts";
import { drawSparkline } from "../sparkline.ts";
import type { QueueState } from "./broker-state.ts";
import { Course, Rate } from "./course.ts";
import { createKeyedRows, type Row } from "./keyed-rows.ts";
import { ageText, countOf, rateText, shortCount } from "./words.ts";

/** How long a queue's depth is kept. */
const courseMs = 5 * 60_000;
/** Rows that are shown; the search finds the others. */
const mostRows = 200;

export interface QueueTable {
  /** `readAt`: Unix milliseconds. */
  show(queues: readonly QueueState[], readAt: number): void;
  showBlank(text: string): void;
}

interface Followed {
  readonly queue: QueueState;
  readonly published: number | undefined;
  readonly delivered: number | undefined;
  readonly acknowledged: number | undefined;
  readonly depth: Course;
}

/** All queues, each with its rates and the course of its depth. */
export function createQueueTable(choose: (queue: string) => void): QueueTable {
  const table = elementById("queues", HTMLElement);
  const body = elementById("queue-rows", HTMLElement);
  const blank = elementById("queues-blank", HTMLElement);
  const count = elementById("queues-count", HTMLElement);
  const search = elementById("queue-search", HTMLInputElement);
  const follow = createFollower();
  const showRows = createKeyedRows<Followed>(
    body,
    ({ queue }) => queue.name,
    (followed) => createRow(followed.queue, choose),
  );
  let all: readonly Followed[] = [];

  const show = (): void => {
    const wanted = search.value.trim().toLowerCase();
    const found = all.filter(({ queue }) => queue.name.toLowerCase().includes(wanted));
    showRows(found.slice(0, mostRows));
    table.hidden = found.length === 0;
    blank.hidden = found.length > 0;
    search.hidden = all.length < 2;
    setText(blank, "No queue has that in its name.");
    setText(
      count,
      found.length <= mostRows
        ? countOf(found.length, "queue")
        : `the first ${mostRows} of ${countOf(found.length, "queue")}`,
    );
  };
  search.addEventListener("input", show);

  return {
    show(queues, readAt) {
      all = follow(queues, readAt).toSorted((a, b) => compare(a.queue, b.queue));
      show();
    },
    showBlank(text) {
      if (all.length === 0) setText(blank, text);
    },
  };
}

/** Built-in ones last. */
function compare(a: QueueState, b: QueueState): number {
  if (a.built_in !== b.built_in) return a.built_in ? 1 : -1;
  return a.name < b.name ? -1 : 1;
}

/** Keeps what each queue was like before. A queue that is gone is forgotten. */
function createFollower(): (queues: readonly QueueState[], readAt: number) => Followed[] {
  interface Past {
    readonly published: Rate;
    readonly delivered: Rate;
    readonly acknowledged: Rate;
    readonly depth: Course;
  }
  const pasts = new Map<string, Past>();
  return (queues, readAt) => {
    const names = new Set(queues.map(({ name }) => name));
    for (const name of pasts.keys()) if (!names.has(name)) pasts.delete(name);
    return queues.map((queue) => {
      const past = pasts.get(queue.name) ?? {
        ...{ published: new Rate(), delivered: new Rate(), acknowledged: new Rate() },
        depth: new Course(courseMs),
      };
      pasts.set(queue.name, past);
      const { published, delivered, acknowledged } = queue.counts;
      past.depth.add(readAt, queue.ready);
      return {
        queue,
        published: past.published.add(readAt, published),
        delivered: past.delivered.add(readAt, delivered),
        acknowledged: past.acknowledged.add(readAt, acknowledged),
        depth: past.depth,
      };
    });
  };
}

function createRow({ name }: QueueState, choose: (queue: string) => void): Row<Followed> {
  const element = createElement("tr", "queue");
  element.dataset["queue"] = name;
  const head = createElement("th", "queue-name");
  head.setAttribute("scope", "row");
  const button = createElement("button", "link", name);
  button.setAttribute("type", "button");
  button.title = "Show its messages";
  button.addEventListener("click", () => choose(name));
  const marks = createElement("span", "queue-marks");
  head.append(button, marks);
  const cells = columns.map(([label]) => {
    const cell = createElement("td", "number");
    cell.dataset["label"] = label;
    return cell;
  });
  const plot = createElement("td", "plot");
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  plot.append(svg);
  element.append(head, ...cells, plot);
  return {
    element,
    update(followed) {
      setText(marks, marksOf(followed.queue).join(" · "));
      columns.forEach(([, textOf], index) => {
        const cell = cells[index];
        if (cell === undefined) return;
        const text = textOf(followed);
        setText(cell, text);
        cell.classList.toggle("nothing", text === "0" || text === "–");
      });
      const values = followed.depth.perSecond;
      const isFlat = Math.max(...values) === 0;
      plot.classList.toggle("flat", isFlat);
      drawSparkline(svg, isFlat ? [] : values);
    },
  };
}

const columns: readonly (readonly [label: string, textOf: (followed: Followed) => string])[] = [
  ["Ready", ({ queue }) => shortCount(queue.ready)],
  ["Unsettled", ({ queue }) => shortCount(queue.unsettled)],
  ["Delayed", ({ queue }) => shortCount(queue.delayed)],
  ["Consumers", ({ queue }) => shortCount(queue.consumers)],
  ["Oldest", ({ queue: { oldest_age_ms: age } }) => (age === undefined ? "–" : ageText(age))],
  ["In /s", ({ published }) => rateText(published)],
  ["Out /s", ({ delivered }) => rateText(delivered)],
  ["Acked /s", ({ acknowledged }) => rateText(acknowledged)],
];

/** What sets it apart from a plain durable queue. */
function marksOf(queue: QueueState): string[] {
  const { max_length: maxLength, max_attempts: maxAttempts, ttl_ms: ttlMs } = queue;
  return [
    ...(queue.built_in ? ["built-in"] : []),
    ...(queue.durable ? [] : ["transient"]),
    ...(queue.exclusive ? ["exclusive"] : []),
    ...(queue.auto_delete ? ["auto-delete"] : []),
    ...(maxLength === undefined
      ? []
      : [`at most ${shortCount(maxLength)}, then ${queue.overflow}`]),
    ...(ttlMs === undefined ? [] : [`expires after ${ageText(ttlMs)}`]),
    ...(maxAttempts === undefined ? [] : [countOf(maxAttempts, "attempt")]),
    ...(queue.dead_letter_exchange === undefined
      ? []
      : [`dead letters to ${queue.dead_letter_exchange}`]),
  ];
}
