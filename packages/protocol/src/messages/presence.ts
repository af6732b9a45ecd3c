import { type ClientInfo, clientInfoJson } from "./client-info.ts";

/** Protocol 3.5. The map is present when empty: SDKs read its keys. */
export interface PresenceResult {
  readonly presence: ReadonlyMap<string, ClientInfo>;
}

export interface PresenceStatsResult {
  readonly connections: number;
  readonly users: number;
}

export function presenceResultJson(result: PresenceResult): string {
  const entries = Array.from(
    result.presence,
    ([client, info]) => `${JSON.stringify(client)}:${clientInfoJson(info)}`,
  );
  return `{"presence":{${entries.join(",")}}}`;
}

export function presenceStatsResultJson(result: PresenceStatsResult): string {
  return `{"num_clients":${result.connections},"num_users":${result.users}}`;
}
