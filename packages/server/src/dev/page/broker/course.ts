/** The last seconds of something that is looked at now and then. Times are milliseconds that only grow. */
export class Course {
  readonly #keptMs: number;
  #points: { readonly at: number; readonly value: number }[] = [];

  constructor(keptMs: number) {
    this.#keptMs = keptMs;
  }

  add(at: number, value: number): void {
    this.#points.push({ at, value });
    // The last one before the beginning stays: it is the value at the beginning.
    while ((this.#points[1]?.at ?? at) < at - this.#keptMs) this.#points.shift();
  }

  /** One value per second up to the latest, oldest first; a second that nobody looked at has the value before it. */
  get perSecond(): readonly number[] {
    const last = this.#points.at(-1)?.at;
    if (last === undefined) return [];
    const first = Math.max(this.#points[0]?.at ?? last, last - this.#keptMs);
    const values: number[] = [];
    let index = 0;
    for (let at = last - Math.floor((last - first) / 1_000) * 1_000; at <= last; at += 1_000) {
      while ((this.#points[index + 1]?.at ?? Number.POSITIVE_INFINITY) <= at) index += 1;
      values.push(this.#points[index]?.value ?? 0);
    }
    return values;
  }
}

/**
 * How fast a count grows: per second, between the last two looks. undefined: there was one look only, or the count has
 * begun anew, as it does when the server starts again.
 */
export class Rate {
  #last: { readonly at: number; readonly count: number } | undefined;
  #perSecond: number | undefined;

  add(at: number, count: number): number | undefined {
    const last = this.#last;
    if (last !== undefined && at <= last.at) return this.#perSecond;
    this.#perSecond =
      last === undefined || count < last.count
        ? undefined
        : ((count - last.count) * 1_000) / (at - last.at);
    this.#last = { at, count };
    return this.#perSecond;
  }
}
