import { CompactSign } from "jose";
import type { JsonText } from "@switchyard/protocol";

export interface NewToken {
  /** `sub`; "" is the anonymous user. */
  readonly user: string;
  /** Unix seconds. undefined: the token never expires. */
  readonly expiresAt: number | undefined;
  readonly issuedAt: number;
  /** Makes a subscription token for this channel. undefined: a connection token. */
  readonly channel?: string | undefined;
  /** Binds a subscription token to one connection. */
  readonly client?: string | undefined;
  readonly info?: JsonText | undefined;
  readonly meta?: JsonText | undefined;
  /** Server-side subscriptions of a connection token. */
  readonly channels?: readonly string[] | undefined;
  /** What a connection token allows beyond what the namespaces do. */
  readonly caps?: JsonText | undefined;
  readonly audience?: string | undefined;
  readonly issuer?: string | undefined;
  readonly tokenId?: string | undefined;
}

/** Signs a client token (protocol 14) with HS256. `info` and `meta` go into it byte for byte. */
export async function signToken(secret: string, token: NewToken): Promise<string> {
  const members: readonly (readonly [string, string | undefined])[] = [
    ["sub", JSON.stringify(token.user)],
    ["exp", token.expiresAt?.toString()],
    ["iat", token.issuedAt.toString()],
    ["jti", quoted(token.tokenId)],
    ["aud", quoted(token.audience)],
    ["iss", quoted(token.issuer)],
    ["channel", quoted(token.channel)],
    ["client", quoted(token.client)],
    ["channels", token.channels === undefined ? undefined : JSON.stringify(token.channels)],
    ["caps", token.caps],
    ["info", token.info],
    ["meta", token.meta],
  ];
  const given = members.flatMap(([name, value]) =>
    value === undefined ? [] : [`"${name}":${value}`],
  );
  const payload = new TextEncoder().encode(`{${given.join(",")}}`);
  return new CompactSign(payload)
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .sign(new TextEncoder().encode(secret));
}

function quoted(value: string | undefined): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value);
}
