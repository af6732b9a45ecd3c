import { TokenBucket } from "./token-bucket.ts";

const maxBuckets = 128;

/** How often one connection may publish, per channel. Memory is bounded: buckets that are full again are dropped. */
export class PublicationRates {
  readonly #buckets = new Map<string, TokenBucket>();

  /** `nowMs` is monotonic. */
  admit(channel: string, ratePerSecond: number, nowMs: number): boolean {
    let bucket = this.#buckets.get(channel);
    if (!bucket) {
      if (this.#buckets.size >= maxBuckets) this.#dropFull(nowMs);
      // More channels at once than anyone needs: refused until some of them have been idle for a second.
      if (this.#buckets.size >= maxBuckets) return false;
      bucket = new TokenBucket(ratePerSecond, nowMs);
      this.#buckets.set(channel, bucket);
    }
    return bucket.take(nowMs) === "ok";
  }

  #dropFull(nowMs: number): void {
    for (const [channel, bucket] of this.#buckets)
      if (bucket.isFull(nowMs)) this.#buckets.delete(channel);
  }
}
