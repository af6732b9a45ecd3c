import type { Random } from "@switchyard/core";

/** xoshiro128** seeded through splitmix32: the same seed gives the same draws on every machine. */
export class SeededRandom implements Random {
  readonly seed: number;
  readonly #state: Uint32Array;

  /** @param seed any number; its lower 32 bits count. */
  constructor(seed: number) {
    this.seed = seed >>> 0;
    let mixed = this.seed;
    this.#state = Uint32Array.from({ length: 4 }, () => {
      mixed = (mixed + 0x9e3779b9) >>> 0;
      let z = mixed;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      return (z ^ (z >>> 15)) >>> 0;
    });
  }

  next(): number {
    return (this.#uint32() * 2 ** 21 + (this.#uint32() >>> 11)) / 2 ** 53;
  }

  uuid(): string {
    const hex = Array.from({ length: 4 }, () => this.#uint32().toString(16).padStart(8, "0")).join(
      "",
    );
    const variant = "89ab".charAt(Number.parseInt(hex.charAt(16), 16) & 3);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
  }

  /** Uniform in 0 … n − 1. `n` at least 1. */
  int(n: number): number {
    return Math.floor(this.next() * n);
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** One of `items`. Throws when there is none. */
  pick<Item>(items: readonly Item[]): Item {
    if (items.length === 0) throw new RangeError("nothing to pick from");
    return items[this.int(items.length)] as Item; // the index is within the bounds just checked
  }

  /** A copy in random order. */
  shuffle<Item>(items: readonly Item[]): Item[] {
    const shuffled: Item[] = [];
    for (const item of items) {
      const at = this.int(shuffled.length + 1);
      shuffled.splice(at, 0, item);
    }
    return shuffled;
  }

  /** A generator of its own, so that draws of one concern do not shift those of another. */
  fork(): SeededRandom {
    return new SeededRandom(this.#uint32());
  }

  #uint32(): number {
    const s = this.#state;
    const s0 = s[0] ?? 0;
    const s1 = s[1] ?? 0;
    const s2 = (s[2] ?? 0) ^ s0;
    const s3 = (s[3] ?? 0) ^ s1;
    const scrambled = Math.imul(s1, 5);
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9) >>> 0;
    s[0] = s0 ^ s3;
    s[1] = s1 ^ s2;
    s[2] = s2 ^ (s1 << 9);
    s[3] = (s3 << 11) | (s3 >>> 21);
    return result;
  }
}
