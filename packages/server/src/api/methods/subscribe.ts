import type { SubscriptionOverride } from "@switchyard/core";
import { apiMethod, emptyResult } from "../api-method.ts";
import { connectionTarget, readTarget } from "../connection-target.ts";
import { jsonPayload, readOptionalPayload } from "../payload-members.ts";
import { int64, type RequestFields } from "../request-fields.ts";
import { requiredChannel } from "../required-channel.ts";
import { readPosition } from "../stream-position.ts";

export const subscribe = apiMethod({
  name: "subscribe",
  read: (fields) => ({
    target: readTarget(fields),
    channel: fields.string("channel"),
    info: readOptionalPayload(fields, "info"),
    data: readOptionalPayload(fields, "data"),
    expireAt: fields.integer("expire_at", int64),
    recoverSince: readPosition(fields, "recover_since"),
    override: readOverride(fields.object("override")),
  }),
  run: async (request, { operations }) => {
    await operations.subscribe({
      target: connectionTarget(request.target),
      channel: requiredChannel(request.channel),
      info: jsonPayload(request.info),
      data: jsonPayload(request.data),
      expireAt: request.expireAt,
      recoverSince: request.recoverSince,
      override: request.override,
    });
    return emptyResult;
  },
});

function readOverride(fields: RequestFields | undefined): SubscriptionOverride {
  return {
    presence: readSwitch(fields, "presence"),
    joinLeave: readSwitch(fields, "join_leave"),
    forceRecovery: readSwitch(fields, "force_recovery"),
    forcePositioning: readSwitch(fields, "force_positioning"),
    forcePushJoinLeave: readSwitch(fields, "force_push_join_leave"),
  };
}

/** `{"value":bool}`; a bare boolean, which some clients send, does as well. */
function readSwitch(fields: RequestFields | undefined, name: string): boolean | undefined {
  if (fields === undefined || !fields.has(name)) return undefined;
  const raw = fields.raw(name);
  return raw === "true" || raw === "false"
    ? fields.boolean(name)
    : fields.object(name)?.boolean("value");
}
