/** Cores that other processes may use before a figure counts as disturbed. */
const DISTURBING_CORES = 0.2;
const MOST_STEPS = 6;
/** The search ends when the known good and the known bad rate are this close. */
const CLOSE_ENOUGH = 1.15;

export function isDisturbed(measured: { readonly otherCpuCores: number }): boolean {
  return measured.otherCpuCores > DISTURBING_CORES;
}

export interface SearchResult<Step> {
  /** The highest offered rate that the server kept up with; undefined when it kept up with none. */
  readonly sustained: Step | undefined;
  readonly steps: readonly Step[];
}

/**
 * Steps the rate up by half (down by half before the first success), then between good and bad. A failed step while other
 * processes took the cores is tried once more.
 */
export async function searchRate<Step extends { readonly rate: number }>(options: {
  readonly measure: (rate: number) => Promise<Step>;
  readonly keptUp: (step: Step) => boolean;
  readonly isDisturbed: (step: Step) => boolean;
  readonly startRate: number;
  readonly told: (step: Step) => void;
}): Promise<SearchResult<Step>> {
  const { measure, keptUp, startRate, told } = options;
  const steps: Step[] = [];
  let sustained: Step | undefined;
  let tooMuch = Number.POSITIVE_INFINITY;
  let rate = startRate;
  while (
    steps.length < MOST_STEPS &&
    (sustained === undefined || tooMuch / sustained.rate > CLOSE_ENOUGH)
  ) {
    let measured = await measure(Math.round(rate));
    told(measured);
    steps.push(measured);
    if (!keptUp(measured) && options.isDisturbed(measured)) {
      measured = await measure(Math.round(rate));
      told(measured);
      steps.push(measured);
    }
    if (keptUp(measured)) sustained = measured;
    else tooMuch = measured.rate;
    if (sustained === undefined) rate = tooMuch / 2;
    else rate = Number.isFinite(tooMuch) ? (sustained.rate + tooMuch) / 2 : sustained.rate * 1.5;
  }
  return { sustained, steps };
}
