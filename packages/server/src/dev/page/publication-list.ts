import type { ReceivedPublication } from "./channel-session.ts";
import { createElement, elementById, setText } from "./element.ts";

/** Rows that are kept; older ones go. */
const mostRows = 200;
/** Characters of a publication that are shown. */
const mostCharacters = 1_000;

export type Blank =
  | { readonly kind: "none" | "joining" | "empty" }
  | { readonly kind: "denied" | "lost"; readonly text: string };

export interface PublicationList {
  /** Puts one on top. `client` is the connection id of this page. */
  add(publication: ReceivedPublication, client: string | undefined): void;
  /** Puts earlier ones, newest first, at the end. */
  append(publications: readonly ReceivedPublication[], client: string | undefined): void;
  clear(): void;
  /** What is said while there are no rows. */
  showBlank(blank: Blank): void;
}

const clock = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
});

export function createPublicationList(): PublicationList {
  const list = elementById("publications", HTMLOListElement);
  const count = elementById("publications-count", HTMLElement);
  const clear = elementById("clear", HTMLButtonElement);
  const blank = elementById("publications-blank", HTMLElement);
  const blankText = elementById("publications-blank-text", HTMLElement);

  const showCount = (): void => {
    const rows = list.childElementCount;
    setText(count, rows === 0 ? "" : rows === mostRows ? `newest ${mostRows}` : String(rows));
    clear.hidden = rows === 0;
    blank.hidden = rows > 0;
  };
  const trim = (): void => {
    while (list.childElementCount > mostRows) list.lastElementChild?.remove();
    showCount();
  };
  const empty = (): void => {
    list.replaceChildren();
    showCount();
  };

  clear.addEventListener("click", () => {
    empty();
    blank.dataset["kind"] = "empty";
    setText(blankText, blankTexts.empty);
    elementById("data", HTMLTextAreaElement).focus();
  });

  return {
    add(publication, client) {
      list.prepend(row(publication, client));
      trim();
    },
    append(publications, client) {
      const room = Math.max(0, mostRows - list.childElementCount);
      list.append(...publications.slice(0, room).map((publication) => row(publication, client)));
      trim();
    },
    clear: empty,
    showBlank(next) {
      blank.dataset["kind"] = next.kind;
      setText(blankText, "text" in next ? next.text : blankTexts[next.kind]);
    },
  };
}

const blankTexts = {
  none: "Join a channel to see its publications.",
  joining: "Joining…",
  empty: "Nothing yet. Publish something, here or from another tab.",
};

function row(publication: ReceivedPublication, client: string | undefined): HTMLElement {
  const { offset, publisher, how, data } = publication;
  const item = createElement("li", "publication");
  item.dataset["how"] = how;
  item.append(createElement("span", "offset", offset === undefined ? "–" : `#${offset}`));

  // What was published before the join, or while the page was away, did not happen when it arrived.
  const time = createElement("span", "time", how === "live" ? clock.format(new Date()) : "");
  if (how === "history") time.textContent = "earlier";
  if (how === "recovered") time.append(createElement("span", "tag", "recovered"));
  item.append(time);

  const isOwn = publisher !== undefined && publisher.client === client;
  const by = createElement(
    "span",
    "publisher",
    publisher === undefined ? "server API" : publisher.user || "anonymous",
  );
  if (publisher === undefined) by.classList.add("by-api");
  if (isOwn) by.append(createElement("span", "tag own", "you"));
  item.append(by);

  item.append(createElement("code", "data", shorten(JSON.stringify(data))));
  return item;
}

function shorten(text: string): string {
  return text.length <= mostCharacters
    ? text
    : `${text.slice(0, mostCharacters)}… (${text.length.toLocaleString("en")} characters)`;
}
