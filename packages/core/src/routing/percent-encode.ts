const leftAlone = /[!'()*~]/g;

/**
 * `value` with every byte of its UTF-8 form outside `[A-Za-z0-9_.-]` as `%XX` (capital hexadecimal digits).
 * `decodeURIComponent` reverses it. Stricter than `encodeURIComponent`, which leaves `!'()*~` alone: those, and the
 * characters that have a meaning in channel names (`:`, `#`, `$`, `,`), never come from a value. Half a surrogate pair
 * becomes U+FFFD.
 */
export function percentEncode(value: string): string {
  return encodeURIComponent(value.toWellFormed()).replace(
    leftAlone,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
