/** What is true of the connection. Times are of `performance.now()`. */
export type ConnectionState =
  /** An attempt is under way; the first is 1. */
  | { readonly kind: "connecting"; readonly attempt: number }
  | { readonly kind: "live"; readonly transport: string; readonly client: string }
  /** Between two attempts: `attempt` starts at `retryAt`, no sooner and no later, unless asked for. */
  | {
      readonly kind: "waiting";
      readonly attempt: number;
      readonly retryAt: number;
      readonly reason: string;
    }
  /** The server does not want this client: nothing is tried any more. */
  | { readonly kind: "refused"; readonly code: number; readonly reason: string }
  /** The visitor has disconnected. */
  | { readonly kind: "stopped" };

/** Whole seconds until `retryAt`, as a countdown shows them: never 0 before its time. */
function secondsLeft(retryAt: number, now: number): number {
  return Math.max(0, Math.ceil((retryAt - now) / 1_000));
}

/** The label of the state, in a few words. */
export function connectionLabel(state: ConnectionState, now: number): string {
  switch (state.kind) {
    case "connecting":
      return state.attempt === 1 ? "Connecting" : `Connecting, try ${state.attempt}`;
    case "live":
      return "Live";
    case "waiting":
      return `Reconnecting in ${secondsLeft(state.retryAt, now)} s`;
    case "refused":
      return "Refused";
    case "stopped":
      return "Disconnected";
  }
}
