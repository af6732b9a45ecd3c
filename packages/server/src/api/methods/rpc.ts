import { SwitchyardError } from "@switchyard/core";
import { apiMethod } from "../api-method.ts";

export const rpc = apiMethod({
  name: "rpc",
  read: (fields) => ({ method: fields.string("method"), params: fields.raw("params") }),
  run: async ({ method, params }, { operations }) => {
    if (method === "")
      throw new SwitchyardError("badRequest", {
        field: "method",
        detail: "method must not be empty",
      });
    const data = await operations.rpc(method, params);
    return data === undefined ? "{}" : `{"data":${data}}`;
  },
});
