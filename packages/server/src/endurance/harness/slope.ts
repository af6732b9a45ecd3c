export interface Sample {
  readonly seconds: number;
  readonly bytes: number;
}

/**
 * Growth in bytes per second, by the median of the slopes between all pairs (Theil–Sen): a collection or a burst in
 * between moves a least-squares line, but not this. Needs two samples at different times; else 0.
 */
export function growthPerSecond(samples: readonly Sample[]): number {
  const slopes: number[] = [];
  for (const [index, from] of samples.entries()) {
    for (const to of samples.slice(index + 1)) {
      if (to.seconds > from.seconds)
        slopes.push((to.bytes - from.bytes) / (to.seconds - from.seconds));
    }
  }
  slopes.sort((a, b) => a - b);
  return slopes[Math.floor(slopes.length / 2)] ?? 0;
}

/** The lowest sample of each span of `spanSeconds`: what is left after a collection, when each span has seen one. */
export function floors(samples: readonly Sample[], spanSeconds: number): readonly Sample[] {
  const lowest = new Map<number, Sample>();
  for (const sample of samples) {
    const span = Math.floor(sample.seconds / spanSeconds);
    const known = lowest.get(span);
    if (known === undefined || sample.bytes < known.bytes) lowest.set(span, sample);
  }
  return [...lowest.values()];
}
