import type { ClientInfo } from "centrifuge";
import { createElement, elementById, setText } from "./element.ts";

/** Users that are listed; of more, only the number is shown. */
const mostUsers = 50;
/** Connections of one user that are listed. */
const mostConnections = 8;

export interface PresenceList {
  /** Groups connections by user; `client` is the connection of this page. */
  show(clients: readonly ClientInfo[], client: string | undefined): void;
  /** Shows no list but a sentence instead. */
  showBlank(text: string): void;
}

/** Who is on the channel: one entry for each user, with the user's connections. */
export function createPresenceList(): PresenceList {
  const list = elementById("presence", HTMLUListElement);
  const count = elementById("presence-count", HTMLElement);
  const blank = elementById("presence-blank", HTMLElement);
  return {
    show(clients, client) {
      const users = [...Map.groupBy(clients, ({ user }) => user)];
      const own = clients.find((info) => info.client === client)?.user;
      // The visitor first, the others by name.
      users.sort(([a], [b]) => Number(b === own) - Number(a === own) || a.localeCompare(b, "en"));
      const items = users
        .slice(0, mostUsers)
        .map(([user, infos]) => entry(user, infos, user === own, client));
      if (users.length > mostUsers)
        items.push(createElement("li", "more", `and ${users.length - mostUsers} more users`));
      list.replaceChildren(...items);
      blank.hidden = items.length > 0;
      setText(blank, "Nobody is here.");
      setText(count, `${counted(users.length, "user")}, ${counted(clients.length, "connection")}`);
    },
    showBlank(text) {
      list.replaceChildren();
      setText(count, "");
      setText(blank, text);
      blank.hidden = false;
    },
  };
}

function entry(
  user: string,
  infos: readonly ClientInfo[],
  isOwn: boolean,
  client: string | undefined,
): HTMLElement {
  const item = createElement("li", isOwn ? "person own" : "person");
  const mark = createElement("span", "initial", (user || "?").slice(0, 1).toUpperCase());
  mark.setAttribute("aria-hidden", "true");
  const name = createElement("span", "name", user || "anonymous");
  if (isOwn) name.append(createElement("span", "tag own", "you"));

  const connections = createElement("span", "connections");
  const sorted = infos.toSorted(
    (a, b) =>
      Number(b.client === client) - Number(a.client === client) || (a.client < b.client ? -1 : 1),
  );
  for (const info of sorted.slice(0, mostConnections)) {
    const isThis = info.client === client;
    connections.append(
      createElement(
        "span",
        isThis ? "connection-id this" : "connection-id",
        `${info.client.slice(0, 8)}${isThis ? " this tab" : ""}`,
      ),
    );
  }
  if (sorted.length > mostConnections)
    connections.append(
      createElement("span", "connection-id", `+${sorted.length - mostConnections}`),
    );
  item.append(mark, name, connections);
  return item;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
