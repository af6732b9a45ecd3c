const unescaped = /[A-Za-z0-9_.-]/;

/**
 * `value` with every byte of its UTF-8 form outside `[A-Za-z0-9_.-]` as `%XX` (capital hexadecimal digits).
 * `decodeURIComponent` reverses it. Stricter than `encodeURIComponent`, which leaves `!'()*~` alone: those, and the
 * characters that have a meaning in channel names (`:`, `#`, `$`, `,`), never come from a value.
 */
export function percentEncode(value: string): string {
  return Array.from(new TextEncoder().encode(value), (byte) => {
    const character = String.fromCharCode(byte);
    return unescaped.test(character)
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }).join("");
}
