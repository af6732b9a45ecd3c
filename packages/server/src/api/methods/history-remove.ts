import { apiMethod, emptyResult } from "../api-method.ts";
import { requiredChannel } from "../required-channel.ts";

export const historyRemove = apiMethod({
  name: "history_remove",
  read: (fields) => fields.string("channel"),
  run: async (channel, { operations }) => {
    await operations.removeHistory(requiredChannel(channel));
    return emptyResult;
  },
});
