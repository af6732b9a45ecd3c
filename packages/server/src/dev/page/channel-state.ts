/** What became of the publications that were missed while the subscription was away. */
export type Recovery =
  /** A first join: there was nothing to recover. */
  | { readonly kind: "none" }
  | { readonly kind: "recovered"; readonly publications: number }
  /** The history no longer holds them, or it is another stream (a new epoch): some may be missing. */
  | { readonly kind: "lost" };

/** What is true of the one channel of the page. */
export type ChannelState =
  | { readonly kind: "none" }
  /** Asked for, or waiting for the connection. */
  | { readonly kind: "joining"; readonly channel: string }
  | {
      readonly kind: "joined";
      readonly channel: string;
      readonly recovery: Recovery;
      readonly recoverable: boolean;
    }
  /** The server does not let this client in, or has put it out. */
  | {
      readonly kind: "denied";
      readonly channel: string;
      readonly code: number;
      readonly reason: string;
    };

/** What to do about a refusal (codes of the client protocol), in a sentence; "" when the reason says it all. */
export function denialAdvice(code: number, namespaces: readonly string[]): string {
  switch (code) {
    case 102:
      return `No such namespace. Configured are: ${namespaces.join(", ")}.`;
    case 103:
      return "The namespace does not allow this, or the channel needs a subscription token.";
    case 106:
      return "This connection has as many channels as it may have.";
    case 107:
      return "The name is too long or holds characters that the namespace does not allow.";
    case 108:
      return "The namespace has this feature switched off.";
    default:
      return "";
  }
}

/** What the page says about a recovery. */
export function recoveryText(recovery: Recovery): string {
  switch (recovery.kind) {
    case "none":
      return "";
    case "recovered":
      if (recovery.publications === 0) return "Back without a gap: nothing was missed";
      return `Recovered ${recovery.publications} ${recovery.publications === 1 ? "publication" : "publications"}`;
    case "lost":
      return "Could not recover: publications may be missing";
  }
}
