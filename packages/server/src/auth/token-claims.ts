import { parseJsonText, sliceMembers, trustJsonText } from "@switchyard/protocol";
import { z } from "zod";
import { capsSchema, readCapabilities } from "./token-capabilities.ts";
import type {
  ConnectionClaims,
  ServerSubscriptionClaims,
  SubscriptionClaims,
  SubscriptionOverride,
} from "@switchyard/core";
import type { JsonText } from "@switchyard/protocol";

/** What a token says, or why it says nothing that can be used. */
export type ClaimsResult<Claims> =
  | { readonly ok: true; readonly claims: Claims }
  | { readonly ok: false; readonly reason: string };

/** Unix seconds. JWT allows fractions (RFC 7519 2, NumericDate). */
const seconds = z.number().min(0).max(Number.MAX_SAFE_INTEGER);
/** `{"value": true}`; a bare boolean is taken for the same. */
const override = z
  .union([z.boolean(), z.object({ value: z.boolean() }).transform(({ value }) => value)])
  .nullish();
const overrides = z
  .object({
    presence: override,
    join_leave: override,
    force_recovery: override,
    force_positioning: override,
    force_push_join_leave: override,
  })
  .nullish();

const commonClaims = {
  sub: z.string().nullish(),
  exp: seconds.nullish(),
  iat: seconds.nullish(),
  jti: z.string().nullish(),
  expire_at: seconds.nullish(),
  b64info: z.string().nullish(),
};

const connectionSchema = z.object({
  ...commonClaims,
  channel: z.null().optional(),
  channels: z.array(z.string().min(1)).nullish(),
  // As a map: a record would leave out a channel named `__proto__`.
  subs: z
    .preprocess(
      toMap,
      z.map(
        z.string().min(1),
        z
          .object({
            b64info: z.string().nullish(),
            b64data: z.string().nullish(),
            override: overrides,
          })
          .nullable(),
        { error: "Invalid input: expected an object by channel" },
      ),
    )
    .nullish(),
  caps: capsSchema.nullish(),
});

const subscriptionSchema = z.object({
  ...commonClaims,
  channel: z.string().min(1),
  client: z.string().nullish(),
  override: overrides,
});

/** Reads the claims of a connection token (protocol 14) from its payload, the text of one JSON object. */
export function parseConnectionClaims(payload: string): ClaimsResult<ConnectionClaims> {
  return guarded(() => {
    const claims = parse(connectionSchema, payload);
    const raw = rawMembers(payload);
    const subscriptions = new Map<string, ServerSubscriptionClaims>();
    for (const channel of claims.channels ?? []) {
      subscriptions.set(channel, {
        info: undefined,
        data: undefined,
        override: readOverride(undefined),
      });
    }
    const rawSubscriptions = rawMembers(raw.get("subs") ?? "{}");
    for (const [channel, subscription] of claims.subs ?? []) {
      const rawOptions = rawMembers(rawSubscriptions.get(channel) ?? "{}");
      subscriptions.set(channel, {
        info: jsonMember(rawOptions.get("info"), subscription?.b64info, `subs.${channel}.b64info`),
        data: jsonMember(rawOptions.get("data"), subscription?.b64data, `subs.${channel}.b64data`),
        override: readOverride(subscription?.override),
      });
    }
    return {
      user: claims.sub ?? "",
      info: jsonMember(raw.get("info"), claims.b64info, "b64info"),
      expireAt: expiry(claims),
      tokenId: claims.jti ?? undefined,
      issuedAt: claims.iat ?? undefined,
      subscriptions,
      meta: jsonMember(raw.get("meta"), undefined, "meta"),
      capabilities: readCapabilities(claims.caps ?? []),
    };
  });
}

/** Reads the claims of a subscription token (protocol 14) from its payload, the text of one JSON object. */
export function parseSubscriptionClaims(payload: string): ClaimsResult<SubscriptionClaims> {
  return guarded(() => {
    const claims = parse(subscriptionSchema, payload);
    return {
      user: claims.sub ?? "",
      channel: claims.channel,
      // An empty id binds to no connection.
      client: claims.client === "" ? undefined : (claims.client ?? undefined),
      info: jsonMember(rawMembers(payload).get("info"), claims.b64info, "b64info"),
      expireAt: expiry(claims),
      tokenId: claims.jti ?? undefined,
      issuedAt: claims.iat ?? undefined,
      override: readOverride(claims.override),
    };
  });
}

/** Ends the reading of claims; its message is the reason. */
class UnusableClaims extends Error {}

function guarded<Claims>(read: () => Claims): ClaimsResult<Claims> {
  try {
    return { ok: true, claims: read() };
  } catch (error) {
    if (error instanceof UnusableClaims) return { ok: false, reason: error.message };
    throw error;
  }
}

function parse<Output>(schema: z.ZodType<Output>, payload: string): Output {
  let value: unknown;
  try {
    value = JSON.parse(payload);
  } catch {
    throw new UnusableClaims("the payload is not JSON");
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new UnusableClaims(
    `claim ${issue?.path.map(String).join(".") ?? ""}: ${issue?.message ?? "invalid"}`,
  );
}

/** The members of an object that came out of JSON; what is none stays itself. */
function toMap(value: unknown): unknown {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? new Map<string, unknown>(Object.entries(value)) : value;
}

/** The raw texts of an object's members. Not of an object: none. */
function rawMembers(text: string): ReadonlyMap<string, string> {
  if (!text.trimStart().startsWith("{")) return new Map();
  return new Map(
    [...sliceMembers(text)].map(([name, { start, end }]) => [name, text.slice(start, end)]),
  );
}

/** Base64 that is not empty beats the plain member; `null` counts as not given. */
function jsonMember(
  raw: string | undefined,
  base64: string | null | undefined,
  name: string,
): JsonText | undefined {
  if (base64 !== undefined && base64 !== null && base64 !== "") return decodeBase64(base64, name);
  return raw === undefined || raw === "null" ? undefined : trustJsonText(raw);
}

function decodeBase64(base64: string, name: string): JsonText {
  // Node's decoder skips what it does not know; the pattern makes it strict.
  const isBase64 = base64.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(base64);
  const text = isBase64 ? parseJsonText(Buffer.from(base64, "base64").toString("utf8")) : undefined;
  if (text === undefined) throw new UnusableClaims(`claim ${name}: not JSON in base64`);
  return text;
}

interface Lifetimes {
  readonly exp?: number | null | undefined;
  readonly expire_at?: number | null | undefined;
}

/** `expire_at` replaces `exp` as the end of the connection or subscription; 0 is never. */
function expiry({ exp, expire_at: expireAt }: Lifetimes): number | undefined {
  if (expireAt !== undefined && expireAt !== null) return expireAt === 0 ? undefined : expireAt;
  return exp ?? undefined;
}

function readOverride(given: z.output<typeof overrides>): SubscriptionOverride {
  return {
    presence: given?.presence ?? undefined,
    joinLeave: given?.join_leave ?? undefined,
    forceRecovery: given?.force_recovery ?? undefined,
    forcePositioning: given?.force_positioning ?? undefined,
    forcePushJoinLeave: given?.force_push_join_leave ?? undefined,
  };
}
