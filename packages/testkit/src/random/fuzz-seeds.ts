/**
 * Seeds for a fuzz test: `count` consecutive ones from a start that differs with every run, to be put into the names
 * of the tests so that a failure prints its seed. The environment variable FUZZ_SEED repeats one seed alone.
 */
export function fuzzSeeds(count: number): readonly number[] {
  const given = process.env["FUZZ_SEED"];
  if (given !== undefined && given !== "") {
    const seed = Number(given);
    if (!Number.isInteger(seed))
      throw new RangeError(`FUZZ_SEED must be an integer, not "${given}"`);
    return [seed];
  }
  const start = Math.floor(Math.random() * 2 ** 31);
  return Array.from({ length: count }, (_, index) => start + index);
}
