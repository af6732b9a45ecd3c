/** Sub-buckets of each power of two: neighbouring bucket bounds differ by at most 1/64, so a percentile is at most 1.6 % too high. */
const SUB_BUCKETS = 64;
const SUB_BITS = 6;
const LARGEST = 0xffff_ffff;

function bucketOf(value: number): number {
  if (value < SUB_BUCKETS) return value;
  const shift = 31 - Math.clz32(value) - SUB_BITS;
  return shift * SUB_BUCKETS + (value >>> shift);
}

/** Largest value that falls into the bucket. */
function upperBound(bucket: number): number {
  if (bucket < SUB_BUCKETS) return bucket;
  const shift = Math.floor(bucket / SUB_BUCKETS) - 1;
  return (bucket - shift * SUB_BUCKETS + 1) * 2 ** shift - 1;
}

/**
 * Counts of whole numbers from 0 to 2^32 - 1 (here: microseconds) in logarithmic buckets: fixed memory (14 KiB), constant
 * cost per value, relative error below 1.6 %. Values outside are counted at the nearest end.
 */
export class Histogram {
  readonly #counts = new Float64Array(bucketOf(LARGEST) + 1);
  #count = 0;
  #max = 0;

  get count(): number {
    return this.#count;
  }

  /** The largest recorded value, exact. 0 when empty. */
  get max(): number {
    return this.#max;
  }

  record(value: number): void {
    const whole = value <= 0 ? 0 : value >= LARGEST ? LARGEST : Math.floor(value);
    const bucket = bucketOf(whole);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#count += 1;
    if (whole > this.#max) this.#max = whole;
  }

  /** The value that `percent` % of the records do not exceed (upper bound of its bucket, never above `max`). 0 when empty. */
  percentile(percent: number): number {
    const wanted = Math.max(1, Math.ceil((percent / 100) * this.#count));
    let seen = 0;
    for (let bucket = 0; bucket < this.#counts.length; bucket += 1) {
      seen += this.#counts[bucket] ?? 0;
      if (seen >= wanted) return Math.min(upperBound(bucket), this.#max);
    }
    return this.#max;
  }

  reset(): void {
    this.#counts.fill(0);
    this.#count = 0;
    this.#max = 0;
  }
}
