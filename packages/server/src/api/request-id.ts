/** What other programs' ids look like, and nothing that could break a log line or a header. */
const sane = /^[\x21-\x7e]{1,128}$/;

/** The caller's `X-Request-ID`, when it is 1 to 128 visible ASCII characters, else a new id. */
export function requestIdOf(headers: Headers, newId: () => string): string {
  const given = headers.get("x-request-id") ?? "";
  return sane.test(given) ? given : newId();
}
