import type { PublishToChannel, ServerOperations } from "@switchyard/core";

/** How events reach channels by a binding: as the server API's publish, for which no namespace permission applies. */
export function publisherToChannels(operations: ServerOperations): PublishToChannel {
  return async (channel, data, idempotencyKey) => {
    await operations.publish({
      channel,
      data,
      skipHistory: false,
      tags: undefined,
      idempotencyKey,
      version: 0,
      versionEpoch: "",
    });
  };
}
