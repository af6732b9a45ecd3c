/** Milliseconds with fractions, the same for all processes of a machine. */
export function wallMs(): number {
  return performance.timeOrigin + performance.now();
}
