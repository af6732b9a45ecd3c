/** Answer to refresh and sub_refresh (protocol 3.9, 3.10). */
export interface RefreshResult {
  /** Seconds until the next refresh; undefined: does not expire any more. */
  readonly ttlSeconds: number | undefined;
  /** The connection, for `refresh` only. */
  readonly client: string;
  readonly version: string;
}

export function refreshResultJson(result: RefreshResult): string {
  const members: string[] = [];
  if (result.client !== "") members.push(`"client":${JSON.stringify(result.client)}`);
  if (result.version !== "") members.push(`"version":${JSON.stringify(result.version)}`);
  if (result.ttlSeconds !== undefined) members.push(`"expires":true,"ttl":${result.ttlSeconds}`);
  return `{${members.join(",")}}`;
}
