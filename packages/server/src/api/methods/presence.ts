import { clientInfoJson } from "@switchyard/protocol";
import { apiMethod } from "../api-method.ts";
import { requiredChannel } from "../required-channel.ts";

export const presence = apiMethod({
  name: "presence",
  read: (fields) => fields.string("channel"),
  run: async (channel, { operations }) => {
    const members = await operations.presence(requiredChannel(channel));
    const entries = Array.from(
      members,
      ([client, info]) => `${JSON.stringify(client)}:${clientInfoJson(info)}`,
    );
    return `{"presence":{${entries.join(",")}}}`;
  },
});
