import type { Clock, Random } from "@switchyard/core";
import { toJsonText } from "@switchyard/protocol";
import { z } from "zod";
import { signToken } from "../auth/sign-token.ts";
import { brokerCapability } from "../auth/token-capabilities.ts";
import { randomDemoUser } from "./demo-user.ts";

/** How long a token of the pages is good for. The SDK asks for the next one by itself. */
const devTokenSeconds = 600;

const requestSchema = z.strictObject({
  user: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,64}$/)
    .optional(),
});

export interface TokenIssuer {
  /** HMAC; signs with HS256. */
  readonly secret: string;
  readonly audience: string | undefined;
  readonly issuer: string | undefined;
}

export interface DevToken {
  readonly token: string;
  readonly user: string;
}

/** The user that a request body asks for; `{ user: undefined }` for an empty one, undefined for one that cannot be used. */
export function parseTokenRequest(body: string): { readonly user: string | undefined } | undefined {
  if (body.trim() === "") return { user: undefined };
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return undefined;
  }
  const parsed = requestSchema.safeParse(value);
  return parsed.success ? { user: parsed.data.user } : undefined;
}

/** A connection token for `user`, or for a random demo user. It allows everything. */
export async function issueDevToken(
  issuer: TokenIssuer,
  user: string | undefined,
  clock: Clock,
  random: Random,
): Promise<DevToken> {
  const name = user ?? randomDemoUser(random);
  const issuedAt = Math.floor(clock.now() / 1_000);
  const token = await signToken(issuer.secret, {
    user: name,
    issuedAt,
    expiresAt: issuedAt + devTokenSeconds,
    caps: toJsonText(brokerCapability()),
    audience: issuer.audience,
    issuer: issuer.issuer,
  });
  return { token, user: name };
}
