import { type ChannelState, denialAdvice, recoveryText } from "./channel-state.ts";
import { elementById, setText } from "./element.ts";

export interface ChannelActions {
  join(channel: string): void;
  leave(): void;
}

export interface ChannelView {
  show(state: ChannelState): void;
  /** Without a connection, joining is waiting for one. */
  setLive(live: boolean): void;
  /** What stands in the field. */
  readonly channel: string;
  /** Called when the visitor edits the field. */
  onEdit: (() => void) | undefined;
}

/** The channel's field, its button, and what the server says about the channel. */
export function createChannelView(
  actions: ChannelActions,
  namespaces: readonly string[],
): ChannelView {
  const form = elementById("channel-form", HTMLFormElement);
  const field = elementById("channel", HTMLInputElement);
  const button = elementById("join", HTMLButtonElement);
  const status = elementById("channel-status", HTMLElement);
  const label = elementById("channel-text", HTMLElement);
  const badge = elementById("recovery", HTMLElement);
  const suggestions = elementById("channel-suggestions", HTMLDataListElement);
  let state: ChannelState = { kind: "none" };
  let isLive = false;

  for (const namespace of namespaces) {
    const option = document.createElement("option");
    option.value = `${namespace}:lobby`;
    suggestions.append(option);
  }

  const isOwn = (): boolean =>
    (state.kind === "joined" || state.kind === "joining") && state.channel === field.value.trim();
  const showButton = (): void => {
    const leaves = isOwn();
    setText(button, leaves ? "Leave" : "Join");
    button.classList.toggle("primary", !leaves);
  };

  const showText = (): void => {
    const text =
      state.kind === "joining" && !isLive
        ? `Joins ${state.channel} once the connection is live`
        : describe(state, namespaces);
    setText(label, text);
  };

  const view: ChannelView = {
    onEdit: undefined,
    get channel() {
      return field.value.trim();
    },
    setLive(live) {
      isLive = live;
      showText();
    },
    show(next) {
      state = next;
      status.dataset["state"] = next.kind;
      showText();
      const recovery = next.kind === "joined" ? next.recovery : undefined;
      badge.hidden = recovery === undefined || recovery.kind === "none";
      badge.dataset["kind"] = recovery?.kind ?? "none";
      setText(badge, recovery === undefined ? "" : recoveryText(recovery));
      field.setAttribute("aria-invalid", String(next.kind === "denied"));
      showButton();
    },
  };

  showText();
  field.addEventListener("input", () => {
    showButton();
    view.onEdit?.();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const channel = field.value.trim();
    if (channel === "") field.focus();
    else if (isOwn()) actions.leave();
    else actions.join(channel);
  });
  return view;
}

function describe(state: ChannelState, namespaces: readonly string[]): string {
  switch (state.kind) {
    case "none":
      return "Not joined";
    case "joining":
      return `Joining ${state.channel}…`;
    case "joined":
      return state.recoverable
        ? `Joined ${state.channel}, with recovery`
        : `Joined ${state.channel}, without recovery`;
    case "denied":
      return `${state.channel}: ${state.reason} (code ${state.code}). ${denialAdvice(state.code, namespaces)}`.trim();
  }
}
