import { apiMethod, emptyResult } from "../api-method.ts";
import { connectionTarget, readTarget } from "../connection-target.ts";
import { requiredChannel } from "../required-channel.ts";

export const unsubscribe = apiMethod({
  name: "unsubscribe",
  read: (fields) => ({ target: readTarget(fields), channel: fields.string("channel") }),
  run: async ({ target, channel }, { operations }) => {
    await operations.unsubscribe(connectionTarget(target), requiredChannel(channel));
    return emptyResult;
  },
});
