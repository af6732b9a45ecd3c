import { createHash, timingSafeEqual } from "node:crypto";

/**
 * Answers whether a request of the server API carries one of `keys`. They are looked for in this order:
 * `X-API-Key`; where that is missing or empty, `Authorization: apikey KEY`; where that did not match either, the
 * query member `api_key`. A wrong `X-API-Key` therefore hides a right `Authorization`, but not a right `api_key`.
 * Without keys nothing matches. Takes the same time for every key of the same length.
 */
export function createApiKeyCheck(
  keys: readonly string[],
): (headers: Headers, query: URLSearchParams) => boolean {
  const digests = keys.filter((key) => key !== "").map(digest);
  const matches = (given: string): boolean => {
    // Digests have one length, and comparing all of them tells nothing of which one came near.
    const wanted = digest(given);
    return digests.reduce((found, known) => timingSafeEqual(known, wanted) || found, false);
  };
  return (headers, query) => {
    const fromHeader = headers.get("x-api-key") ?? "";
    const given =
      fromHeader === "" ? fromAuthorization(headers.get("authorization") ?? "") : fromHeader;
    if (given !== undefined && matches(given)) return true;
    const fromQuery = query.get("api_key") ?? "";
    return fromQuery !== "" && matches(fromQuery);
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
