const lineBreaks = /[\r\n]+/g;
const outsideAlphabet = /[^A-Za-z0-9+/]/;

/**
 * Decodes base64 in the standard alphabet with padding; undefined for anything else. Line breaks are skipped, because
 * some encoders wrap their output (RFC 2045).
 */
export function decodeBase64(text: string): Uint8Array | undefined {
  const joined = text.replace(lineBreaks, "");
  if (joined.length % 4 !== 0) return undefined;
  const padding = joined.endsWith("==") ? 2 : joined.endsWith("=") ? 1 : 0;
  if (outsideAlphabet.test(joined.slice(0, joined.length - padding))) return undefined;
  // Not a Buffer: small ones are windows on a shared pool.
  return new Uint8Array(Buffer.from(joined, "base64"));
}
