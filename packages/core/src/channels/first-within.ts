import type { Publication } from "./publication.ts";
import { recoveredBytes } from "./recovery.ts";

/** The first of `publications` up to `maxBytes` as `recoveredBytes` counts them, but at least one. */
export function firstWithin(
  maxBytes: number,
  publications: readonly Publication[],
): readonly Publication[] {
  let left = maxBytes;
  const end = publications.findIndex((publication, index) => {
    left -= recoveredBytes([publication]);
    return left < 0 && index > 0;
  });
  return end === -1 ? publications : publications.slice(0, end);
}
