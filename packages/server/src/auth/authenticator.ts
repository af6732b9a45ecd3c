import { decodeProtectedHeader, errors, jwtVerify } from "jose";
import { createJwksKeys } from "./jwks-keys.ts";
import { parseConnectionClaims, parseSubscriptionClaims } from "./token-claims.ts";
import { ecdsaKeys, hmacKeys, rsaKeys } from "./token-keys.ts";
import type { Authenticator, TokenOutcome } from "@switchyard/core";
import type { TokenConfig } from "../config/declaration.ts";
import type { JwksOptions, JwksServices } from "./jwks-keys.ts";
import type { ClaimsResult } from "./token-claims.ts";
import type { KeySource, TokenHeader, VerificationKey } from "./token-keys.ts";

/** Longer tokens are refused unread. A frame before connect is at most 64 KiB by default. */
const longestToken = 65_536;

export interface AuthenticatorServices extends JwksServices {
  /** A token was neither taken nor refused, because a key that may be its own could not be had. */
  readonly onUnchecked?: () => void;
}

type Signed = TokenOutcome<string>;

/**
 * Checks client tokens with the keys of the configuration, in this order: the HMAC secret, the RSA and ECDSA
 * keys, the key sets. A token is taken by the first key that fits its algorithm and verifies it; `aud` and `iss`
 * must match where they are configured. `expired` is said only of tokens whose signature holds.
 */
export function createAuthenticator(
  config: TokenConfig,
  services: AuthenticatorServices,
  jwks: JwksOptions = {},
): Authenticator {
  const sources: readonly KeySource[] = [
    ...(config.secret === undefined ? [] : [hmacKeys(config.secret)]),
    ...(config.rsaPublicKey === undefined ? [] : [rsaKeys(config.rsaPublicKey)]),
    ...(config.ecdsaPublicKey === undefined ? [] : [ecdsaKeys(config.ecdsaPublicKey)]),
    ...config.jwksUrl.map((url) => createJwksKeys(url, services, jwks)),
  ];

  const verifyWith = async (
    token: string,
    key: VerificationKey,
    algorithm: string,
  ): Promise<Signed | undefined> => {
    try {
      await jwtVerify(token, key, {
        algorithms: [algorithm],
        currentDate: new Date(services.clock.now()),
        ...(config.audience === undefined ? {} : { audience: config.audience }),
        ...(config.issuer === undefined ? {} : { issuer: config.issuer }),
      });
    } catch (error) {
      if (error instanceof errors.JWSSignatureVerificationFailed) return undefined;
      if (error instanceof errors.JWTExpired) return { kind: "expired" };
      // A TypeError is a key that does not fit the algorithm, such as an RSA key below 2048 bits in a key set.
      if (error instanceof errors.JOSEError || error instanceof TypeError)
        return invalid(error.message);
      throw error;
    }
    return { kind: "valid", claims: payloadText(token) };
  };

  const verify = async (token: string): Promise<Signed> => {
    if (token.length > longestToken) return invalid(`longer than ${longestToken} characters`);
    const header = readHeader(token);
    if (header === undefined) return invalid("not a signed token");
    const fitting = sources.filter((source) => source.algorithms.has(header.alg));
    if (fitting.length === 0) return invalid(`no key for algorithm ${header.alg.slice(0, 16)}`);
    let absence: { readonly cause: unknown } | undefined;
    let refusal: Signed = invalid("no key verifies the signature");
    for (const source of fitting) {
      let keys: readonly VerificationKey[] = [];
      try {
        keys = await source.keys(header);
      } catch (cause) {
        absence ??= { cause };
      }
      for (const key of keys) {
        const outcome = await verifyWith(token, key, header.alg);
        if (outcome?.kind === "invalid") refusal = outcome;
        else if (outcome !== undefined) return outcome;
      }
    }
    // A key that could not be had may have been the right one: the client may try again.
    if (absence !== undefined) {
      services.onUnchecked?.();
      throw absence.cause;
    }
    return refusal;
  };

  const read = async <Claims>(
    token: string,
    parse: (payload: string) => ClaimsResult<Claims>,
  ): Promise<TokenOutcome<Claims>> => {
    const signed = await verify(token);
    if (signed.kind !== "valid") return signed;
    const result = parse(signed.claims);
    return result.ok ? { kind: "valid", claims: result.claims } : invalid(result.reason);
  };

  return {
    connection: (token) => read(token, parseConnectionClaims),
    subscription: (token) => read(token, parseSubscriptionClaims),
  };
}

function invalid(reason: string): { readonly kind: "invalid"; readonly reason: string } {
  return { kind: "invalid", reason };
}

function readHeader(token: string): TokenHeader | undefined {
  if (!/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/.test(token)) return undefined;
  try {
    const { alg, kid } = decodeProtectedHeader(token);
    return typeof alg === "string"
      ? { alg, kid: typeof kid === "string" ? kid : undefined }
      : undefined;
  } catch {
    return undefined;
  }
}

/** The claims as they were written, for the raw texts of `info`, `meta` and `data`. The token has been verified. */
function payloadText(token: string): string {
  return Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8");
}
