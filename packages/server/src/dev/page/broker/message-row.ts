import { createElement, setText } from "../element.ts";
import { type DeathState, defaultExchange, type MessageState } from "./broker-state.ts";
import type { Row } from "./keyed-rows.ts";
import { ageText, countOf, shorten } from "./words.ts";

/** Characters of a body in the row, and in the opened row. */
const previewCharacters = 160;
const mostCharacters = 20_000;

const time = new Intl.DateTimeFormat("en-GB", { dateStyle: "short", timeStyle: "medium" });

const reasons: Readonly<Record<string, string>> = {
  rejected: "rejected",
  attempts: "out of attempts",
  expired: "expired",
  maxlen: "queue was full",
};

export interface MessageRowActions {
  replay(message: MessageState): void;
  discard(message: MessageState): void;
  /** The choice of some has changed. */
  chosen(message: MessageState, isChosen: boolean): void;
}

/** One message: where from, why it died, its body; opened, its headers and history too. Dead letters can be chosen. */
export function createMessageRow(
  message: MessageState,
  actions: MessageRowActions,
): Row<{ readonly message: MessageState; readonly isChosen: boolean }> {
  const element = createElement("li", "message");
  element.dataset["seq"] = String(message.seq);
  const [latest] = message.deaths;
  const box = document.createElement("input");
  box.type = "checkbox";
  box.setAttribute("aria-label", `Choose message ${message.seq}`);
  box.addEventListener("change", () => actions.chosen(message, box.checked));
  if (latest !== undefined) element.append(box);

  const details = document.createElement("details");
  const summary = createElement("summary", "message-summary");
  const state = createElement("span", "tag state-tag");
  const age = createElement("span", "note age");
  const head = createElement("span", "message-head");
  head.append(...(latest === undefined ? originOf(message) : deathOf(latest)), state, age);
  summary.append(
    head,
    createElement("code", "data", shorten(bodyText(message), previewCharacters)),
  );
  details.append(summary);
  // Made when it is first opened: most never are.
  details.addEventListener("toggle", () => {
    if (details.open && details.childElementCount === 1) details.append(createInside(message));
  });
  element.append(details);
  if (latest !== undefined) {
    const buttons = createElement("span", "message-actions");
    buttons.append(
      createButton("Replay", "quiet", () => actions.replay(message)),
      createButton("Discard", "quiet", () => actions.discard(message)),
    );
    element.append(buttons);
  }

  return {
    element,
    update({ message: next, isChosen }) {
      box.checked = isChosen;
      box.disabled = next.state !== "ready";
      setText(state, next.state === "ready" ? "" : next.state);
      state.hidden = next.state === "ready";
      const since = next.deaths[0]?.time ?? next.published_at;
      setText(age, `${ageText(Math.max(0, Date.now() - since))} ago`);
    },
  };
}

/** Messages have the real name of the default exchange, which is empty. */
function shownExchange(name: string): string {
  return name === "" ? defaultExchange : name;
}

/** JSON as JSON; bytes by their number. */
function bodyText({ body, b64body, content_type: type }: MessageState): string {
  if (b64body === undefined) return JSON.stringify(body) ?? "";
  const padding = b64body.endsWith("==") ? 2 : b64body.endsWith("=") ? 1 : 0;
  return `${countOf((b64body.length / 4) * 3 - padding, "byte")} of ${type}`;
}

function deathOf({ queue, reason, count }: DeathState): HTMLElement[] {
  const times = count === 1 ? "" : `, ${count} times`;
  return [
    createElement("span", "origin", queue),
    createElement("span", "tag reason", `${reasons[reason] ?? reason}${times}`),
  ];
}

function originOf({ exchange, key }: MessageState): HTMLElement[] {
  return [createElement("span", "origin", `${shownExchange(exchange)} / ${key}`)];
}

function createInside(message: MessageState): HTMLElement {
  const inside = createElement("div", "message-inside");
  const facts = document.createElement("dl");
  const { exchange, key, headers, attempts, priority } = message;
  const rows: readonly (readonly [string, string])[] = [
    ["Id", message.id],
    ["Exchange", shownExchange(exchange)],
    ["Key", key],
    ["Headers", JSON.stringify(headers)],
    ["Published", time.format(message.published_at)],
    ["Failed attempts", String(attempts)],
    ["Priority", String(priority)],
  ];
  for (const [name, value] of rows)
    facts.append(
      createElement("dt", "", name),
      createElement("dd", "", shorten(value, mostCharacters)),
    );
  inside.append(facts);

  if (message.deaths.length > 0) {
    const history = createElement("ol", "deaths");
    for (const death of message.deaths) {
      const { queue, reason, count } = death;
      const came = `${shownExchange(death.exchange)} / ${death.key}`;
      history.append(
        createElement(
          "li",
          "",
          `${time.format(death.time)}: ${reasons[reason] ?? reason} in ${queue}, ${countOf(count, "time")} (by ${came})`,
        ),
      );
    }
    inside.append(createElement("h3", "", "History, latest first"), history);
  }
  inside.append(
    createElement("h3", "", "Body"),
    createElement("pre", "command", shorten(fullBody(message), mostCharacters)),
  );
  return inside;
}

function fullBody(message: MessageState): string {
  if (message.b64body !== undefined) return message.b64body;
  return JSON.stringify(message.body, undefined, 2) ?? "";
}

function createButton(text: string, className: string, run: () => void): HTMLElement {
  const button = createElement("button", className, text);
  button.setAttribute("type", "button");
  button.addEventListener("click", run);
  return button;
}
