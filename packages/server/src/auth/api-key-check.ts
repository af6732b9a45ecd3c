import { createHash, timingSafeEqual } from "node:crypto";

/**
 * Finds what stands behind the API key that a request carries. Keys are looked for in this order: `X-API-Key`; where
 * that is missing or empty, `Authorization: apikey KEY`; where that did not match either, the query member `api_key`. A
 * wrong `X-API-Key` therefore hides a right `Authorization`, but not a right `api_key`. Without keys nothing matches. Of
 * equal keys the first one counts. Takes the same time for every key of the same length.
 */
export function createApiKeyCheck<Holder>(
  keys: Iterable<readonly [key: string, holder: Holder]>,
): (headers: Headers, query: URLSearchParams) => Holder | undefined {
  const known = [...keys]
    .filter(([key]) => key !== "")
    .map(([key, holder]) => ({ digest: digest(key), holder }));
  const find = (given: string): Holder | undefined => {
    // Digests have one length, and comparing all of them tells nothing of which one came near.
    const wanted = digest(given);
    let found: { readonly holder: Holder } | undefined;
    for (const entry of known) {
      if (timingSafeEqual(entry.digest, wanted)) found ??= entry;
    }
    return found?.holder;
  };
  return (headers, query) => {
    const fromHeader = headers.get("x-api-key") ?? "";
    const given =
      fromHeader === "" ? fromAuthorization(headers.get("authorization") ?? "") : fromHeader;
    const holder = given === undefined ? undefined : find(given);
    if (holder !== undefined) return holder;
    const fromQuery = query.get("api_key") ?? "";
    return fromQuery === "" ? undefined : find(fromQuery);
  };
}

/** The key of `apikey KEY`: exactly two words, the first in any case. */
function fromAuthorization(value: string): string | undefined {
  const words = value.split(/\s+/).filter((word) => word !== "");
  return words.length === 2 && words[0]?.toLowerCase() === "apikey" ? words[1] : undefined;
}

function digest(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}
