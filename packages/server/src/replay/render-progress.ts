import type { ProgressState } from "./replay-progress.ts";

const barWidth = 20;

/** One line for a terminal of `width` columns: `[████····]  41.2 %  698 lines  48/s  2010-12-01 11:02:30`. */
export function renderBar(
  state: ProgressState,
  simulatedMs: number | undefined,
  width: number,
): string {
  const filled = Math.round(state.fraction * barWidth);
  const bar = `${"█".repeat(filled)}${"·".repeat(barWidth - filled)}`;
  return `[${bar}] ${renderLine(state, simulatedMs)}`.slice(0, Math.max(0, width - 1));
}

/** The same without a bar, for logs. */
export function renderLine(state: ProgressState, simulatedMs: number | undefined): string {
  const parts = [
    `${(state.fraction * 100).toFixed(1).padStart(5)} %`,
    counted(state.lines, "line", "lines"),
    `${grouped(Math.round(state.rate))}/s`,
    formatTime(simulatedMs),
    ...(state.retries === 0 ? [] : [counted(state.retries, "retry", "retries")]),
    ...(state.failing === undefined ? [] : [`waiting for the server (${state.failing})`]),
  ];
  return parts.join("  ");
}

export interface SummaryParts {
  readonly state: ProgressState;
  /** Such as "7 channels". */
  readonly destinations: string;
  readonly earlierLines: number;
  /** Simulated seconds per second; 0: without a schedule. */
  readonly speed: number;
}

/** What the command prints at the end. */
export function renderSummary({ state, destinations, earlierLines, speed }: SummaryParts): string {
  const average = state.elapsedMs > 0 ? (state.lines * 1_000) / state.elapsedMs : 0;
  const lag = `Lag behind the schedule: ${formatElapsed(state.worstLagMs)} at worst, ${formatElapsed(state.lagMs)} at the end`;
  return [
    `${counted(state.lines, "line", "lines")} to ${destinations} in ${formatElapsed(state.elapsedMs)} (${grouped(Math.round(average))}/s)`,
    ...(speed === 0 ? [] : [lag]),
    ...(state.retries === 0 ? [] : [counted(state.retries, "retry", "retries")]),
    ...(earlierLines === 0
      ? []
      : [
          `${counted(earlierLines, "line was", "lines were")} earlier than a line before; the order of the file was kept`,
        ]),
    "",
  ].join("\n");
}

/** How far a replay came that did not reach the end. */
export function renderStop(state: ProgressState): string {
  if (state.lastLine === 0)
    return "No line was confirmed; some of the first lines may have been published.";
  return `Published up to line ${grouped(state.lastLine)} (${formatTime(state.lastTimeMs)}, ${(state.fraction * 100).toFixed(1)} % of the file); some lines after it may have been published as well.`;
}

/** UTC without its zone, as the file's own times have none. */
function formatTime(unixMs: number | undefined): string {
  return unixMs === undefined || !Number.isFinite(unixMs)
    ? "-"
    : new Date(unixMs).toISOString().slice(0, 19).replace("T", " ");
}

/** `12 ms`, `36.6 s`, `1 h 02 min 05 s`. */
export function formatElapsed(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  const two = (value: number): string => String(value).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${two(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min ${two(seconds % 60)} s`;
}

function counted(count: number, one: string, many: string): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}

function grouped(value: number): string {
  return value.toLocaleString("en-US");
}
