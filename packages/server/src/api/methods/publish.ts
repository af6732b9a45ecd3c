import { type PublishOutcome, type PublishRequest, SwitchyardError } from "@switchyard/core";
import type { Payload } from "@switchyard/protocol";
import { apiMethod } from "../api-method.ts";
import { type GivenPayload, publishPayload, readPayload } from "../payload-members.ts";
import { type RequestFields, uint64 } from "../request-fields.ts";
import { requiredChannel } from "../required-channel.ts";

/** The members that publish and broadcast share. */
export interface PublishMembers {
  readonly payload: GivenPayload;
  readonly options: Omit<PublishRequest, "channel" | "data">;
}

export const publish = apiMethod({
  name: "publish",
  read: (fields) => ({ channel: fields.string("channel"), members: readPublishMembers(fields) }),
  run: async ({ channel, members }, { operations }) => {
    const data = requiredData(publishPayload(members.payload));
    const request = publishRequest(requiredChannel(channel), data, members);
    return publishResultJson(await operations.publish(request));
  },
});

export function readPublishMembers(fields: RequestFields): PublishMembers {
  fields.boolean("delta"); // only its type is checked: there are no deltas yet
  return {
    payload: readPayload(fields, "data"),
    options: {
      skipHistory: fields.boolean("skip_history"),
      tags: fields.stringMap("tags"),
      idempotencyKey: fields.string("idempotency_key"),
      version: fields.integer("version", uint64),
      versionEpoch: fields.string("version_epoch"),
    },
  };
}

/** Member by member: a spread costs 150 ns more. */
export function publishRequest(
  channel: string,
  data: Payload,
  { options }: PublishMembers,
): PublishRequest {
  return {
    channel,
    data,
    skipHistory: options.skipHistory,
    tags: options.tags,
    idempotencyKey: options.idempotencyKey,
    version: options.version,
    versionEpoch: options.versionEpoch,
  };
}

export function requiredData<Data>(data: Data | undefined): Data {
  if (data === undefined)
    throw new SwitchyardError("badRequest", { field: "data", detail: "data is missing" });
  return data;
}

/** `{}` when nothing was stored. */
export function publishResultJson({ position }: PublishOutcome): string {
  if (position === undefined) return "{}";
  const epoch = position.epoch === "" ? "" : `"epoch":${JSON.stringify(position.epoch)}`;
  const offset = position.offset === 0 ? "" : `"offset":${position.offset}`;
  return `{${[offset, epoch].filter((member) => member !== "").join(",")}}`;
}
