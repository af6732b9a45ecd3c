import { apiMethod, emptyResult } from "../api-method.ts";
import { connectionTarget, readTarget } from "../connection-target.ts";
import { int64 } from "../request-fields.ts";

export const refresh = apiMethod({
  name: "refresh",
  read: (fields) => ({
    target: readTarget(fields),
    expired: fields.boolean("expired"),
    expireAt: fields.integer("expire_at", int64),
    info: fields.rawUnlessNull("info"),
  }),
  run: async (request, { operations }) => {
    await operations.refresh({ ...request, target: connectionTarget(request.target) });
    return emptyResult;
  },
});
