import { connectionLabel, type ConnectionState } from "./connection-state.ts";
import { elementById, setText } from "./element.ts";
import type { TransportChoice } from "./live-connection.ts";

export interface ConnectionActions {
  connect(): void;
  disconnect(): void;
  retryNow(): void;
  chooseTransport(choice: TransportChoice): void;
}

const transportNames: Readonly<Record<string, string>> = {
  websocket: "WebSocket",
  http_stream: "HTTP stream",
  sse: "SSE",
};

/** The bar below the heading: what the connection is doing, why, and what the visitor can do about it. */
export function createConnectionView(actions: ConnectionActions): (state: ConnectionState) => void {
  const bar = elementById("connection", HTMLElement);
  const label = elementById("state-label", HTMLElement);
  const detail = elementById("state-detail", HTMLElement);
  const announcement = elementById("state-announcement", HTMLElement);
  const tryNow = elementById("try-now", HTMLButtonElement);
  const connect = elementById("connect", HTMLButtonElement);
  const transport = elementById("transport", HTMLSelectElement);
  let state: ConnectionState = { kind: "stopped" };

  const showLabel = (): void => setText(label, connectionLabel(state, performance.now()));
  // The countdown alone changes between two states. It is not announced: a voice that counts is of no help.
  setInterval(showLabel, 200);

  tryNow.addEventListener("click", () => {
    // The button goes away with the state: leave the keyboard's user beside it, not at the top of the page.
    if (document.activeElement === tryNow) connect.focus();
    actions.retryNow();
  });
  connect.addEventListener("click", () =>
    isOff(state) ? actions.connect() : actions.disconnect(),
  );
  transport.addEventListener("change", () => actions.chooseTransport(parseChoice(transport.value)));

  return (next) => {
    state = next;
    bar.dataset["state"] = next.kind;
    showLabel();
    setText(detail, describe(next));
    setText(announcement, `${connectionLabel(next, performance.now())}. ${describe(next)}`);
    tryNow.hidden = next.kind !== "waiting";
    setText(connect, isOff(next) ? "Connect" : "Disconnect");
    connect.classList.toggle("primary", isOff(next));
  };
}

function isOff({ kind }: ConnectionState): boolean {
  return kind === "stopped" || kind === "refused";
}

function parseChoice(value: string): TransportChoice {
  return value === "websocket" || value === "http_stream" || value === "sse" ? value : "auto";
}

function describe(state: ConnectionState): string {
  switch (state.kind) {
    case "connecting":
      return `to ${location.host}`;
    case "live":
      return `over ${transportNames[state.transport] ?? state.transport}, connection ${state.client.slice(0, 8)}`;
    case "waiting":
      return `try ${state.attempt}: ${state.reason}`;
    case "refused":
      return `${state.reason} (code ${state.code})`;
    case "stopped":
      return "what is published meanwhile is recovered when you connect again";
  }
}
