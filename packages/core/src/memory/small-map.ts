/** Entries up to which an array is kept: a search among them costs less than a hash. */
const smallSize = 8;

interface Entry<Key, Value> {
  readonly key: Key;
  value: Value;
}

/**
 * A map for the many cases of one or two entries: an array until it grows, then a Map. A Map of one entry takes half a
 * kilobyte.
 */
export class SmallMap<Key, Value> {
  #entries: Entry<Key, Value>[] | Map<Key, Value> = [];

  get size(): number {
    return Array.isArray(this.#entries) ? this.#entries.length : this.#entries.size;
  }

  set(key: Key, value: Value): void {
    const entries = this.#entries;
    if (!Array.isArray(entries)) {
      entries.set(key, value);
      return;
    }
    const known = entries.find((entry) => entry.key === key);
    if (known) known.value = value;
    else if (entries.length < smallSize) entries.push({ key, value });
    else this.#entries = new Map(this.entries()).set(key, value);
  }

  /** False: there was none. */
  delete(key: Key): boolean {
    const entries = this.#entries;
    if (!Array.isArray(entries)) return entries.delete(key);
    const at = entries.findIndex((entry) => entry.key === key);
    if (at === -1) return false;
    entries.splice(at, 1);
    return true;
  }

  *entries(): Generator<[Key, Value]> {
    if (Array.isArray(this.#entries)) {
      for (const { key, value } of this.#entries) yield [key, value];
    } else {
      yield* this.#entries;
    }
  }
}
