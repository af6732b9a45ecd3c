import { type ConnectionDescription, SwitchyardError } from "@switchyard/core";
import { apiMethod } from "../api-method.ts";
import { labelFilterRefused } from "../connection-target.ts";

export const connections = apiMethod({
  name: "connections",
  read: (fields) => ({
    user: fields.string("user"),
    hasExpression: fields.string("expression") !== "",
    hasLabelFilter: fields.has("label_filter"),
    withConnectedAt: fields.boolean("include_connected_at"),
  }),
  run: async ({ user, hasExpression, hasLabelFilter, withConnectedAt }, { operations }) => {
    if (hasExpression)
      throw new SwitchyardError("badRequest", {
        field: "expression",
        detail: "expression is not supported",
      });
    if (hasLabelFilter) throw labelFilterRefused();
    if (user === "")
      throw new SwitchyardError("badRequest", { field: "user", detail: "user must not be empty" });
    const found = await operations.connections({ kind: "user", user, client: "", session: "" });
    const entries = found.map(
      (connection) =>
        `${JSON.stringify(connection.client)}:${connectionJson(connection, withConnectedAt)}`,
    );
    return `{"connections":{${entries.join(",")}}}`;
  },
});

/** `connected_at_ms` only on demand: one of the stock SDKs refuses members that it does not know. */
function connectionJson(connection: ConnectionDescription, withConnectedAt: boolean): string {
  const members: string[] = [];
  if (connection.appName !== "") members.push(`"app_name":${JSON.stringify(connection.appName)}`);
  if (connection.appVersion !== "")
    members.push(`"app_version":${JSON.stringify(connection.appVersion)}`);
  members.push(
    `"transport":${JSON.stringify(connection.transport)}`,
    `"protocol":${JSON.stringify(connection.encoding)}`,
  );
  if (connection.user !== "") members.push(`"user":${JSON.stringify(connection.user)}`);
  const state = stateMembers(connection);
  if (state.length > 0) members.push(`"state":{${state.join(",")}}`);
  if (withConnectedAt) members.push(`"connected_at_ms":${Math.floor(connection.connectedAtMs)}`);
  return `{${members.join(",")}}`;
}

function stateMembers({ channels, meta }: ConnectionDescription): string[] {
  const members: string[] = [];
  // How a subscription came about is not kept: source 0, unknown, which is left out.
  if (channels.length > 0)
    members.push(`"channels":{${channels.map((name) => `${JSON.stringify(name)}:{}`).join(",")}}`);
  if (meta !== undefined) members.push(`"meta":${meta}`);
  return members;
}
