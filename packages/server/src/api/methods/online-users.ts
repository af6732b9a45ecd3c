import { SwitchyardError, type UserOnline } from "@switchyard/core";
import { apiMethod } from "../api-method.ts";
import { int32 } from "../request-fields.ts";

const defaultLimit = 100;
const maxLimit = 10_000;

/** Before a cursor's user id, so that the cursor after the anonymous user "" is not the one of the first page. */
const cursorPrefix = "after:";

/**
 * A page of the users who have a connection now, ordered by user id (UTF-16 code units). A user who comes or goes while
 * a caller turns pages may be missed or seen; nobody else is missed or seen twice. Costs O(users online) per page.
 */
export const onlineUsers = apiMethod({
  name: "online_users",
  read: (fields) => ({ limit: fields.integer("limit", int32), cursor: fields.string("cursor") }),
  run: async ({ limit, cursor }, { operations }) => {
    const size = pageSize(limit);
    const isAfter = afterCursor(cursor);
    const online = await operations.usersOnline("all");
    const rest = [...online]
      .filter(([user]) => isAfter(user))
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
    const page = rest.slice(0, size);
    const last = page.at(-1);
    const members = [`"users":${JSON.stringify(page.map(userMembers))}`];
    if (last !== undefined && rest.length > size)
      members.push(`"next_cursor":${JSON.stringify(cursorPrefix + last[0])}`);
    return `{${members.join(",")}}`;
  },
});

function pageSize(limit: number): number {
  if (limit < 0 || limit > maxLimit) {
    throw new SwitchyardError("badRequest", {
      field: "limit",
      detail: `limit must be 1 to ${maxLimit}; 0 stands for ${defaultLimit}`,
    });
  }
  return limit === 0 ? defaultLimit : limit;
}

function afterCursor(cursor: string): (user: string) => boolean {
  if (cursor === "") return () => true;
  if (!cursor.startsWith(cursorPrefix)) {
    throw new SwitchyardError("badRequest", {
      field: "cursor",
      detail: "cursor must be the next_cursor of an earlier page",
    });
  }
  const last = cursor.slice(cursorPrefix.length);
  return (user) => user > last;
}

function userMembers([user, { connections, sinceMs }]: [string, UserOnline]): object {
  return { user, connections, since: Math.floor(sinceMs / 1_000) };
}
