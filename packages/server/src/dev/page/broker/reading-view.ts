import { elementById, setText } from "../element.ts";
import type { Reading } from "./reader.ts";
import { ageText } from "./words.ts";

/** Stands in `data-state`: the lamp's colours are those of the first page. */
const lamps: Readonly<Record<Reading["kind"], string>> = {
  loading: "connecting",
  current: "live",
  stale: "waiting",
  denied: "refused",
  paused: "stopped",
};

const labels: Readonly<Record<Reading["kind"], string>> = {
  loading: "Loading",
  current: "Live",
  stale: "Stale",
  denied: "Denied",
  paused: "Paused",
};

/** The strip that tells whether what is shown is true now. What is not is shown paler. */
export function createReadingView(readNow: () => void): (reading: Reading) => void {
  const strip = elementById("reading", HTMLElement);
  const label = elementById("reading-label", HTMLElement);
  const detail = elementById("reading-detail", HTMLElement);
  const button = elementById("read-now", HTMLButtonElement);
  const content = elementById("content", HTMLElement);
  button.addEventListener("click", readNow);
  let reading: Reading = { kind: "loading" };

  const show = (): void => {
    strip.dataset["state"] = lamps[reading.kind];
    setText(label, labels[reading.kind]);
    setText(detail, detailOf(reading, Date.now()));
    content.classList.toggle("stale", reading.kind === "stale" || reading.kind === "denied");
    button.hidden = reading.kind === "current" || reading.kind === "loading";
  };
  setInterval(show, 1_000);
  return (next) => {
    reading = next;
    show();
  };
}

function detailOf(reading: Reading, now: number): string {
  switch (reading.kind) {
    case "loading":
      return "Reading exchanges, queues and bindings.";
    case "current":
      return "Read every second while this page is visible.";
    case "stale":
      return `${sinceText(reading.readAt, now)}: ${reading.problem}. Trying again every second.`;
    case "denied":
      return `The server does not let this page in: ${reading.problem}.`;
    case "paused":
      return `${sinceText(reading.readAt, now)}. Nothing is read while the page is hidden.`;
  }
}

function sinceText(readAt: number | undefined, now: number): string {
  return readAt === undefined ? "Nothing read yet" : `Last read ${ageText(now - readAt)} ago`;
}
