import { elementById, setText } from "../element.ts";
import { drawSparkline } from "../sparkline.ts";
import { type BrokerState, deadLetterQueue, type QueueState } from "./broker-state.ts";
import { Course, Rate } from "./course.ts";
import { ageText, countOf, rateText, shortCount } from "./words.ts";

const courseMs = 5 * 60_000;

/** The sums over everything, each with the course of the last minutes. `readAt`: Unix milliseconds. */
export function createBrokerFigures(): (state: BrokerState, readAt: number) => void {
  const published = createRateFigure("published");
  const acknowledged = createRateFigure("acknowledged");
  const waiting = createFigure("waiting");
  const dead = createFigure("dead");

  return ({ exchanges, queues }, readAt) => {
    const events = sum(exchanges.map((exchange) => exchange.published));
    const unroutable = sum(exchanges.map((exchange) => exchange.unroutable));
    published(
      readAt,
      events,
      `${countOf(events, "event")}${unroutable === 0 ? "" : `, ${shortCount(unroutable)} unroutable`}`,
    );
    const settled = sum(queues.map(({ counts }) => counts.acknowledged));
    acknowledged(readAt, settled, countOf(settled, "delivery", "deliveries"));

    const working = queues.filter(({ name }) => name !== deadLetterQueue);
    const ready = sum(working.map((queue) => queue.ready));
    const oldest = Math.max(-1, ...working.map(({ oldest_age_ms: age }) => age ?? -1));
    waiting(readAt, ready, shortCount(ready), noteOf(working, oldest));

    const letters = queues.find(({ name }) => name === deadLetterQueue)?.ready ?? 0;
    const died = sum(queues.map(({ counts }) => counts.dead));
    dead(readAt, letters, shortCount(letters), `${shortCount(died)} since the start`);
  };
}

function noteOf(queues: readonly QueueState[], oldest: number): string {
  const unsettled = sum(queues.map((queue) => queue.unsettled));
  const working = `${shortCount(unsettled)} unsettled`;
  return oldest < 0 ? working : `${working}, oldest ${ageText(oldest)}`;
}

type ShowFigure = (at: number, plotted: number, value: string, note: string) => void;

function createFigure(id: string): ShowFigure {
  const valueText = elementById(id, HTMLElement);
  const noteText = elementById(`${id}-note`, HTMLElement);
  const spark = elementById(`${id}-spark`, SVGSVGElement);
  const course = new Course(courseMs);
  return (at, plotted, value, note) => {
    course.add(at, plotted);
    setText(valueText, value);
    setText(noteText, note);
    const values = course.perSecond;
    drawSparkline(spark, Math.max(...values) === 0 ? [] : values);
  };
}

function createRateFigure(id: string): (at: number, count: number, note: string) => void {
  const show = createFigure(id);
  const rate = new Rate();
  return (at, count, note) => {
    const perSecond = rate.add(at, count);
    show(at, perSecond ?? 0, `${rateText(perSecond)} /s`, note);
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
