import { type ConnectionSelector, SwitchyardError } from "@switchyard/core";
import { apiMethod, emptyResult } from "../api-method.ts";
import { requiredData } from "./publish.ts";

interface Addressees {
  readonly user: string;
  readonly client: string;
  readonly allUsers: boolean;
}

/** A message to connections, past all channels. */
export const send = apiMethod({
  name: "send",
  read: (fields) => ({
    to: {
      user: fields.string("user"),
      client: fields.string("client"),
      allUsers: fields.boolean("all_users"),
    },
    data: fields.raw("data"),
  }),
  run: async ({ to, data }, { operations }) => {
    await operations.send(addressees(to), requiredData(data));
    return emptyResult;
  },
});

function addressees({ user, client, allUsers }: Addressees): ConnectionSelector {
  if (allUsers && user === "" && client === "") return { kind: "all" };
  if (!allUsers && user !== "") return { kind: "user", user, client, session: "" };
  if (!allUsers && client !== "") return { kind: "client", client };
  throw new SwitchyardError("badRequest", {
    field: "user",
    detail: "give user, client, or all_users alone",
  });
}
