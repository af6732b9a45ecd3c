import { toJsonText } from "@switchyard/protocol";
import type { TestClient } from "@switchyard/testkit";
import { SwitchyardError } from "../../errors/switchyard-error.ts";
import type { ConnectionSelector } from "../node-request.ts";
import type { PublishRequest, SubscribeUserRequest } from "../server-operations.ts";

export const user = (name: string, client = "", session = ""): ConnectionSelector => ({
  kind: "user",
  user: name,
  client,
  session,
});
export const one = (client: TestClient): ConnectionSelector => ({
  kind: "client",
  client: client.connection.id,
});
export const everybody: ConnectionSelector = { kind: "all" };
export const undecided = {
  presence: undefined,
  joinLeave: undefined,
  forceRecovery: undefined,
  forcePositioning: undefined,
  forcePushJoinLeave: undefined,
};
export const order = (
  target: ConnectionSelector,
  channel: string,
  more: Partial<SubscribeUserRequest> = {},
): SubscribeUserRequest => ({
  target,
  channel,
  info: undefined,
  data: undefined,
  expireAt: 0,
  recoverSince: undefined,
  override: undecided,
  ...more,
});
export const publication = (
  channel: string,
  data: unknown,
  more: Partial<PublishRequest> = {},
): PublishRequest => ({
  channel,
  data: toJsonText(data),
  skipHistory: false,
  tags: undefined,
  idempotencyKey: "",
  version: 0,
  versionEpoch: "",
  ...more,
});

/** The code of the error that `operation` rejects with. */
export async function codeOf(operation: Promise<unknown>): Promise<number | undefined> {
  try {
    await operation;
    return undefined;
  } catch (error) {
    if (error instanceof SwitchyardError) return error.row.code;
    throw error;
  }
}
