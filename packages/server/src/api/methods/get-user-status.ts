import { SwitchyardError } from "@switchyard/core";
import { apiMethod } from "../api-method.ts";

export const getUserStatus = apiMethod({
  name: "get_user_status",
  read: (fields) => fields.strings("users"),
  run: async (users, { operations, clock }) => {
    if (users.length === 0)
      throw new SwitchyardError("badRequest", {
        field: "users",
        detail: "users must not be empty",
      });
    const online = await operations.usersOnline([...new Set(users)]);
    const now = Math.floor(clock.now() / 1_000);
    // In the order asked. `online` is when the user was online last: now, for those who are.
    const statuses = users.map((user) => (online.has(user) ? { user, online: now } : { user }));
    return `{"statuses":${JSON.stringify(statuses)}}`;
  },
});
