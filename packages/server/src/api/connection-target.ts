import { type ConnectionSelector, SwitchyardError } from "@switchyard/core";
import type { RequestFields } from "./request-fields.ts";

/** The members by which subscribe, unsubscribe, disconnect and refresh say which connections they mean. */
export interface TargetMembers {
  readonly user: string;
  readonly client: string;
  readonly session: string;
  readonly allUsers: boolean;
  readonly hasLabelFilter: boolean;
}

export function readTarget(fields: RequestFields): TargetMembers {
  return {
    user: fields.string("user"),
    client: fields.string("client"),
    session: fields.string("session"),
    allUsers: fields.boolean("all_users"),
    hasLabelFilter: fields.has("label_filter"),
  };
}

/**
 * "" is the anonymous user; with `all_users` it means everybody, narrowed by `client`. A filter that cannot be
 * honoured is refused: ignoring it would hit more connections than were meant.
 */
export function connectionTarget(members: TargetMembers): ConnectionSelector {
  const { user, client, session } = members;
  if (members.hasLabelFilter) throw labelFilterRefused();
  if (!members.allUsers || user !== "") return { kind: "user", user, client, session };
  if (session !== "") {
    throw new SwitchyardError("badRequest", {
      field: "session",
      detail: "session needs a user; it cannot narrow all_users",
    });
  }
  return client === "" ? { kind: "all" } : { kind: "client", client };
}

export function labelFilterRefused(): SwitchyardError {
  return new SwitchyardError("badRequest", {
    field: "label_filter",
    detail: "label_filter is not supported",
  });
}
