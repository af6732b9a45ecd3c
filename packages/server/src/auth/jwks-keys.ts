import { SwitchyardError } from "@switchyard/core";
import { createRemoteJWKSet, customFetch, errors } from "jose";
import type { Clock, Log } from "@switchyard/core";
import type { CryptoKey } from "jose";
import type { KeySource, TokenHeader } from "./token-keys.ts";

export interface JwksOptions {
  /** Milliseconds for one fetch. Default 3,000: less than the 5 s for which stock SDKs wait for an answer. */
  readonly timeoutMs?: number;
  /** Milliseconds for which a set is used without asking again. Default 10 minutes. */
  readonly maxAgeMs?: number;
  /** Milliseconds for which a set is used while its issuer does not answer. Default 24 hours. */
  readonly staleMs?: number;
  /** Milliseconds between two fetches for keys that are not in the set. Default 10,000. */
  readonly cooldownMs?: number;
  /** Milliseconds without a fetch after a failed one. Default 1,000. */
  readonly backoffMs?: number;
}

export interface JwksServices {
  readonly clock: Clock;
  readonly log: Log;
}

/** HMAC is not among them: a public set must not hold secrets. */
const jwksAlgorithms: ReadonlySet<string> = new Set([
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
]);

/** A set of keys is some kilobytes; an answer above this is none. */
const largestSetBytes = 1_048_576;
/** Keys that are tried for a token that names none. */
const mostCandidates = 8;
/** Unknown key ids that are remembered until the next fetch. */
const mostMissing = 1_000;
/** Milliseconds between two lines about the same set: anybody can send tokens that would write one. */
const quietMs = 60_000;

/**
 * The keys of an issuer, by URL. They are fetched when first needed, then when they are too old or when a token
 * names an unknown key, never more often than the options say, and once for all tokens that wait. While the
 * issuer is away its last set stays in use. `keys` rejects with `SwitchyardError` `keysUnavailable` when no set could
 * be had, or when a key is unknown and it is too early to ask again: such a client may come back. A warning tells of
 * both and of fetches that failed, at most once a minute, with the number of tokens since the last one.
 */
export function createJwksKeys(
  url: string,
  { clock, log }: JwksServices,
  options: JwksOptions = {},
): KeySource {
  const {
    timeoutMs = 3_000,
    maxAgeMs = 600_000,
    staleMs = 86_400_000,
    cooldownMs = 10_000,
    backoffMs = 1_000,
  } = options;
  // When to fetch is decided below, on the monotonic clock: a set that has aged must survive its issuer's absence.
  const set = createRemoteJWKSet(new URL(url), {
    timeoutDuration: timeoutMs,
    cooldownDuration: Infinity,
    cacheMaxAge: Infinity,
    [customFetch]: fetchBounded,
  });
  const missing = new Set<string>();
  let loadedAt: number | undefined;
  let failure: { readonly at: number; readonly cause: unknown } | undefined;
  let warnedAt: number | undefined;
  let unchecked = 0;

  const warn = (cause: unknown): void => {
    const now = clock.monotonic();
    if (warnedAt !== undefined && now - warnedAt < quietMs) return;
    warnedAt = now;
    const reason = cause instanceof Error ? cause.message : String(cause);
    log.warn(
      { url: withoutSecrets(url), reason, tokens: unchecked },
      "keys of tokens cannot be had",
    );
    unchecked = 0;
  };
  const unavailable = (cause: unknown): SwitchyardError => {
    unchecked += 1;
    warn(cause);
    return new SwitchyardError("keysUnavailable", {
      cause: new Error(`the key set at ${withoutSecrets(url)} cannot be had`, { cause }),
    });
  };

  /** Rejects with why there is no set. Callers at the same time share one fetch. */
  const refresh = async (): Promise<void> => {
    if (failure !== undefined && clock.monotonic() - failure.at < backoffMs) throw failure.cause;
    try {
      await set.reload();
      loadedAt = clock.monotonic();
      failure = undefined;
      missing.clear();
    } catch (cause) {
      failure = { at: clock.monotonic(), cause };
      throw cause;
    }
  };
  const age = (): number => (loadedAt === undefined ? Infinity : clock.monotonic() - loadedAt);

  const find = async (header: TokenHeader): Promise<readonly CryptoKey[]> => {
    try {
      return [
        await set({ alg: header.alg, ...(header.kid === undefined ? {} : { kid: header.kid }) }),
      ];
    } catch (error) {
      if (error instanceof errors.JWKSMultipleMatchingKeys) return takeCandidates(error);
      // Any other fault lies in the key or in what the token asks of it, not in the network.
      if (error instanceof errors.JOSEError) return [];
      throw error;
    }
  };

  return {
    algorithms: jwksAlgorithms,
    async keys(header) {
      const name = `${header.alg} ${header.kid ?? ""}`;
      let isRenewed = false;
      if (age() > maxAgeMs) {
        try {
          await refresh();
          isRenewed = true;
        } catch (error) {
          if (age() > staleMs) throw unavailable(error);
          warn(error);
        }
      }
      let found = await find(header);
      if (found.length === 0 && !isRenewed) {
        if (age() < cooldownMs) {
          if (missing.has(name)) return [];
          throw unavailable(new Error("unknown key, too soon after the last fetch"));
        }
        try {
          await refresh();
        } catch (error) {
          throw unavailable(error);
        }
        isRenewed = true;
        found = await find(header);
      }
      if (found.length === 0 && isRenewed && missing.size < mostMissing) missing.add(name);
      return found;
    },
  };
}

/** Neither a password nor a query, which may hold a key. */
function withoutSecrets(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}

async function takeCandidates(error: AsyncIterable<CryptoKey>): Promise<readonly CryptoKey[]> {
  const candidates: CryptoKey[] = [];
  for await (const key of error) {
    candidates.push(key);
    if (candidates.length >= mostCandidates) break;
  }
  return candidates;
}

/** As `fetch`, but a body above the bound ends the request. Redirects stay refused, as jose asks. */
async function fetchBounded(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // A body of fetch consists of bytes; its type in Bun leaves that open.
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > largestSetBytes) throw new Error(`more than ${largestSetBytes} bytes`);
    chunks.push(chunk);
  }
  return new Response(Buffer.concat(chunks), {
    status: response.status,
    headers: response.headers,
  });
}
