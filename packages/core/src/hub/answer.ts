import type { Disconnect, Reply } from "@switchyard/protocol";
import type { ErrorName } from "../errors/error-table.ts";

/** What becomes of a command. Refusals are expected outcomes, so they are values. */
export type Answer =
  | {
      readonly kind: "reply";
      readonly reply: Reply;
      /** Called when the reply has been written, on a connection that is still open. */
      readonly answered?: (() => void) | undefined;
    }
  /** `message`: safe to show, instead of the error's own. */
  | { readonly kind: "refusal"; readonly error: ErrorName; readonly message?: string }
  /** An error of an application's method, codes 400–1999. */
  | { readonly kind: "applicationError"; readonly code: number; readonly message: string }
  | { readonly kind: "disconnect"; readonly disconnect: Disconnect }
  /** The command has written its own reply, or its connection has gone. */
  | { readonly kind: "done" };

export const replied = (reply: Reply): Answer => ({ kind: "reply", reply });
export const refused = (error: ErrorName): Answer => ({ kind: "refusal", error });
export const closing = (disconnect: Disconnect): Answer => ({ kind: "disconnect", disconnect });
export const done: Answer = { kind: "done" };
