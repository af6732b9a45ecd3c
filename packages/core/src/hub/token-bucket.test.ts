import { describe, expect, test } from "bun:test";
import { PublicationRates } from "./publication-rates.ts";
import { TokenBucket } from "./token-bucket.ts";

/** Takes `count` times at even distances over `seconds` and counts what came of it. */
function steadily(bucket: TokenBucket, perSecond: number, seconds: number): Record<string, number> {
  const verdicts: Record<string, number> = { ok: 0, over: 0, flooding: 0 };
  for (let n = 1; n <= perSecond * seconds; n += 1) {
    const verdict = bucket.take((n * 1_000) / perSecond);
    verdicts[verdict] = (verdicts[verdict] ?? 0) + 1;
  }
  return verdicts;
}

describe("a token bucket", () => {
  test("allows its rate at once, then refuses, then calls it flooding", () => {
    const bucket = new TokenBucket(3, 0);
    const verdicts = Array.from({ length: 8 }, () => bucket.take(0));
    expect(verdicts).toEqual(["ok", "ok", "ok", "over", "over", "over", "flooding", "flooding"]);
  });

  test("refills with time, to one second's worth at most", () => {
    const bucket = new TokenBucket(2, 0);
    for (let n = 0; n < 2; n += 1) bucket.take(0);
    expect(bucket.take(499)).toBe("over");
    expect(bucket.take(1_000)).toBe("ok");
    const verdicts = Array.from({ length: 3 }, () => bucket.take(100_000));
    expect(verdicts).toEqual(["ok", "ok", "over"]);
  });

  test("a caller a little above the rate gets the rate, and is not cut off", () => {
    const { ok = 0, over = 0, flooding } = steadily(new TokenBucket(10, 0), 11, 60);
    expect(flooding).toBe(0);
    expect(ok).toBeGreaterThanOrEqual(600);
    expect(over).toBeLessThanOrEqual(60);
  });

  test("a caller at three times the rate is flooding", () => {
    expect(steadily(new TokenBucket(10, 0), 30, 10)["flooding"]).toBeGreaterThan(0);
  });

  test("is full when nothing was taken for long enough", () => {
    const bucket = new TokenBucket(10, 0);
    expect(bucket.isFull(0)).toBe(true);
    bucket.take(0);
    expect(bucket.isFull(99)).toBe(false);
    expect(bucket.isFull(100)).toBe(true);
    for (let n = 0; n < 15; n += 1) bucket.take(100);
    expect(bucket.isFull(1_000)).toBe(false);
    expect(bucket.isFull(1_200)).toBe(true);
  });
});

describe("publication rates", () => {
  test("each channel has its own", () => {
    const rates = new PublicationRates();
    expect(rates.admit("a", 1, 0)).toBe(true);
    expect(rates.admit("a", 1, 0)).toBe(false);
    expect(rates.admit("b", 1, 0)).toBe(true);
    expect(rates.admit("a", 1, 1_000)).toBe(true);
  });

  test("a publisher at twice the rate gets the rate", () => {
    const rates = new PublicationRates();
    let admitted = 0;
    for (let n = 1; n <= 600; n += 1) if (rates.admit("a", 10, n * 50)) admitted += 1;
    expect(admitted).toBeGreaterThanOrEqual(300);
    expect(admitted).toBeLessThanOrEqual(311);
  });

  test("refuses the 129th channel until another has been idle", () => {
    const rates = new PublicationRates();
    for (let n = 0; n < 128; n += 1) expect(rates.admit(`c${n}`, 1, 0)).toBe(true);
    expect(rates.admit("one more", 1, 0)).toBe(false);
    expect(rates.admit("one more", 1, 1_000)).toBe(true);
  });
});
