import { SwitchyardError } from "@switchyard/core";
import { apiMethod } from "../api-method.ts";
import { publishPayload } from "../payload-members.ts";
import { requiredChannel } from "../required-channel.ts";
import { maxParallelParts, runParts } from "../run-parts.ts";
import { publishRequest, publishResultJson, readPublishMembers, requiredData } from "./publish.ts";

export const broadcast = apiMethod({
  name: "broadcast",
  read: (fields) => ({ channels: fields.strings("channels"), members: readPublishMembers(fields) }),
  run: async ({ channels, members }, { operations, partFailed }) => {
    if (channels.length === 0)
      throw new SwitchyardError("badRequest", {
        field: "channels",
        detail: "channels must not be empty",
      });
    const data = publishPayload(members.payload);
    // Everything else that is wrong is wrong channel by channel, and the request as a whole succeeds.
    const responses = await runParts(channels.length, maxParallelParts, async (index) => {
      try {
        const channel = requiredChannel(channels[index] ?? "");
        const request = publishRequest(channel, requiredData(data), members);
        const outcome = await operations.publish(request);
        return `{"result":${publishResultJson(outcome)}}`;
      } catch (error) {
        return `{"error":${partFailed(error)}}`;
      }
    });
    return `{"responses":[${responses.join(",")}]}`;
  },
});
