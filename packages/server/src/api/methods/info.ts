import type { NodeInfo } from "@switchyard/core";
import { apiMethod } from "../api-method.ts";

/** No member is looked at: legacy clients send an empty array for the parameters. */
export const info = apiMethod({
  name: "info",
  read: () => undefined,
  run: async (_, { operations }) =>
    `{"nodes":${JSON.stringify((await operations.info()).map(nodeMembers))}}`,
});

/** All are always there, `uptime` too: strict clients require it. There is no `metrics`: an empty one breaks others. */
function nodeMembers(node: NodeInfo): object {
  return {
    uid: node.uid,
    name: node.name,
    version: node.version,
    num_clients: node.connections,
    num_users: node.users,
    num_channels: node.channels,
    num_subs: node.subscriptions,
    uptime: Math.floor(node.uptimeSeconds),
  };
}
