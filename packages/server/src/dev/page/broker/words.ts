/** `1 queue`, `2 queues`; thousands with a comma. */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

/** At most five characters wide up to a billion: `9,999`, `12.3k`, `4.5M`. */
export function shortCount(count: number): string {
  if (count < 10_000) return count.toLocaleString("en");
  return count < 1_000_000
    ? `${(Math.floor(count / 100) / 10).toLocaleString("en")}k`
    : `${(Math.floor(count / 100_000) / 10).toLocaleString("en")}M`;
}

/** Of events per second. `–`: not known yet. */
export function rateText(perSecond: number | undefined): string {
  if (perSecond === undefined) return "–";
  if (perSecond === 0) return "0";
  return perSecond < 10 ? perSecond.toFixed(1) : shortCount(Math.round(perSecond));
}

/** `0 s`, `42 s`, `3 min`, `2 h`, `5 d`. */
export function ageText(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800
    ? `${Math.floor(seconds / 3_600)} h`
    : `${Math.floor(seconds / 86_400)} d`;
}

/** The beginning, so that what others chose cannot fill the page. */
export function shorten(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
