import { createPublicKey } from "node:crypto";
import type { KeyObject } from "node:crypto";
import type { CryptoKey } from "jose";

export type VerificationKey = CryptoKey | KeyObject | Uint8Array;

/** The part of a token's header by which a key is chosen. Nothing of it is authenticated yet. */
export interface TokenHeader {
  readonly alg: string;
  readonly kid: string | undefined;
}

/**
 * Keys of one kind. A key is only ever handed out for an algorithm of its own kind: otherwise a token signed with
 * HS256 and a public key as its secret would verify.
 */
export interface KeySource {
  readonly algorithms: ReadonlySet<string>;
  /** The keys to try, none when there is none. Rejects when it cannot be known now. */
  keys(header: TokenHeader): Promise<readonly VerificationKey[]>;
}

export function hmacKeys(secret: string): KeySource {
  return fixedKey(["HS256", "HS384", "HS512"], new TextEncoder().encode(secret));
}

/** `pem` has been checked by `isRsaPublicKey`. */
export function rsaKeys(pem: string): KeySource {
  return fixedKey(["RS256", "RS384", "RS512"], createPublicKey(pem));
}

/** `pem` has been checked by `isEcdsaPublicKey`. The curve decides the algorithm (RFC 7518 3.4). */
export function ecdsaKeys(pem: string): KeySource {
  const key = createPublicKey(pem);
  const algorithm = ecdsaAlgorithms.get(key.asymmetricKeyDetails?.namedCurve ?? "");
  return fixedKey(algorithm === undefined ? [] : [algorithm], key);
}

function fixedKey(algorithms: readonly string[], key: VerificationKey): KeySource {
  return { algorithms: new Set(algorithms), keys: () => Promise.resolve([key]) };
}

const ecdsaAlgorithms: ReadonlyMap<string, string> = new Map([
  ["prime256v1", "ES256"],
  ["P-256", "ES256"],
  ["secp384r1", "ES384"],
  ["P-384", "ES384"],
  ["secp521r1", "ES512"],
  ["P-521", "ES512"],
]);

/** A PEM with an RSA public key of at least 2048 bits, the least that RFC 7518 3.3 allows. */
export function isRsaPublicKey(pem: string): boolean {
  const key = readPublicKey(pem);
  return (
    key?.asymmetricKeyType === "rsa" && (key.asymmetricKeyDetails?.modulusLength ?? 0) >= 2_048
  );
}

/** A PEM with a public key on P-256, P-384 or P-521. */
export function isEcdsaPublicKey(pem: string): boolean {
  const key = readPublicKey(pem);
  return (
    key?.asymmetricKeyType === "ec" &&
    ecdsaAlgorithms.has(key.asymmetricKeyDetails?.namedCurve ?? "")
  );
}

function readPublicKey(pem: string): KeyObject | undefined {
  try {
    return createPublicKey(pem);
  } catch {
    return undefined;
  }
}
