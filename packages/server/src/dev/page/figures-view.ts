import { elementById, setText } from "./element.ts";
import { RateSeries } from "./rate-series.ts";
import { formatMs, RecentTimes } from "./round-trip.ts";
import { drawSparkline } from "./sparkline.ts";

const shownSeconds = 60;
const keptTimes = 60;

export interface FiguresView {
  roundTrip(ms: number): void;
  /** One publication of this page, from the call to its arrival here. */
  latency(ms: number): void;
  publication(): void;
  /** The connection is gone: a round trip measured before says nothing about now. */
  disconnected(): void;
}

/** The measurements, each with the course of the last minute or so. */
export function createFiguresView(): FiguresView {
  const roundTrip = createTimes("round-trip", "every 2 s while live");
  const latency = createTimes("latency", "publish to measure it");
  const rate = elementById("rate", HTMLElement);
  const rateNote = elementById("rate-note", HTMLElement);
  const rateSpark = elementById("rate-spark", SVGSVGElement);
  const series = new RateSeries(shownSeconds, performance.now());
  let total = 0;

  const showRate = (): void => {
    const perSecond = series.perSecond(performance.now());
    setText(rate, `${perSecond.at(-1) ?? 0} /s`);
    setText(
      rateNote,
      total === 0 ? "none yet" : `${total.toLocaleString("en")} received; the last minute`,
    );
    drawSparkline(rateSpark, total === 0 ? [] : perSecond);
  };
  setInterval(showRate, 1_000);
  showRate();

  return {
    roundTrip: (ms) => roundTrip.add(ms),
    latency: (ms) => latency.add(ms),
    publication() {
      total += 1;
      series.count(performance.now());
    },
    disconnected: () => roundTrip.clear(),
  };
}

function createTimes(id: string, emptyNote: string): { add(ms: number): void; clear(): void } {
  const value = elementById(id, HTMLElement);
  const note = elementById(`${id}-note`, HTMLElement);
  const spark = elementById(`${id}-spark`, SVGSVGElement);
  const times = new RecentTimes(keptTimes);
  return {
    add(ms) {
      const { last, median, all } = times.add(ms);
      setText(value, formatMs(last));
      setText(note, `median ${formatMs(median)} of ${all.length}`);
      drawSparkline(spark, all);
    },
    clear() {
      times.clear();
      setText(value, "–");
      setText(note, emptyNote);
      drawSparkline(spark, []);
    },
  };
}
