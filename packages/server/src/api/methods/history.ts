import { type Publication, SwitchyardError } from "@switchyard/core";
import { clientInfoJson } from "@switchyard/protocol";
import { apiMethod } from "../api-method.ts";
import { int32 } from "../request-fields.ts";
import { requiredChannel } from "../required-channel.ts";
import { readPosition } from "../stream-position.ts";

export const history = apiMethod({
  name: "history",
  read: (fields) => ({
    channel: fields.string("channel"),
    limit: fields.integer("limit", int32),
    since: readPosition(fields, "since"),
    reverse: fields.boolean("reverse"),
  }),
  run: async (request, { operations }) => {
    const { publications, top } = await operations.history({
      ...request,
      channel: requiredChannel(request.channel),
    });
    return `{"publications":[${publications.map(publicationJson).join(",")}],"offset":${top.offset},"epoch":${JSON.stringify(top.epoch)}}`;
  },
});

function publicationJson({ data, offset, info, tags }: Publication): string {
  if (typeof data !== "string") {
    throw new SwitchyardError("notAvailable", {
      detail: "the history holds bytes that are not JSON and cannot be shown here",
    });
  }
  const members = [`"data":${data}`];
  if (offset !== 0) members.push(`"offset":${offset}`);
  if (info !== undefined) members.push(`"info":${clientInfoJson(info)}`);
  if (tags !== undefined && Object.keys(tags).length > 0)
    members.push(`"tags":${JSON.stringify(tags)}`);
  return `{${members.join(",")}}`;
}
