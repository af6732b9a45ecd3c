import { apiMethod } from "../api-method.ts";
import { requiredChannel } from "../required-channel.ts";

export const presenceStats = apiMethod({
  name: "presence_stats",
  read: (fields) => fields.string("channel"),
  run: async (channel, { operations }) => {
    const stats = await operations.presenceStats(requiredChannel(channel));
    return `{"num_clients":${stats.connections},"num_users":${stats.users}}`;
  },
});
