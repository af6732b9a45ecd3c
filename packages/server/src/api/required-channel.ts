import { SwitchyardError } from "@switchyard/core";

/** `channel`, or `badRequest` when it is empty. */
export function requiredChannel(channel: string): string {
  if (channel === "")
    throw new SwitchyardError("badRequest", {
      field: "channel",
      detail: "channel must not be empty",
    });
  return channel;
}
