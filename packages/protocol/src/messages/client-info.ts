import type { JsonText } from "../payload.ts";

/** Who a connection is, as others see it (protocol 3.5). */
export interface ClientInfo {
  readonly user: string;
  readonly client: string;
  /** From the connection token. */
  readonly connInfo: JsonText | undefined;
  /** From the subscription token. */
  readonly chanInfo: JsonText | undefined;
}

/** `user` and `client` are always present (protocol 1.7). */
export function clientInfoJson(info: ClientInfo): string {
  let json = `{"user":${JSON.stringify(info.user)},"client":${JSON.stringify(info.client)}`;
  if (info.connInfo !== undefined) json += `,"conn_info":${info.connInfo}`;
  if (info.chanInfo !== undefined) json += `,"chan_info":${info.chanInfo}`;
  return `${json}}`;
}
