/** Invalid UTF-8 becomes U+FFFD. A byte order mark stays, and is then no JSON. */
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

export type RequestBody =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "tooLarge" };

/**
 * The body of `request` as text, of at most `maxBytes` bytes. A longer one is given up as soon as that shows: at the
 * declared length, else at the byte that is too many. Rejects when the client goes away before the end.
 */
export async function readBody(request: Request, maxBytes: number): Promise<RequestBody> {
  const declared = Number(request.headers.get("content-length") ?? Number.NaN);
  if (declared > maxBytes) return { kind: "tooLarge" };
  // The common case, in one step: the HTTP parser sees to it that the body has the declared length.
  if (declared >= 0 && !request.headers.has("transfer-encoding")) {
    const bytes = await request.bytes();
    return bytes.length > maxBytes
      ? { kind: "tooLarge" }
      : { kind: "text", text: utf8.decode(bytes) };
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  const stream: AsyncIterable<Uint8Array> | readonly Uint8Array[] = request.body ?? [];
  // Leaving the loop early cancels the stream.
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > maxBytes) return { kind: "tooLarge" };
    chunks.push(chunk);
  }
  const [only] = chunks;
  return {
    kind: "text",
    text: utf8.decode(chunks.length === 1 ? only : Buffer.concat(chunks, length)),
  };
}
