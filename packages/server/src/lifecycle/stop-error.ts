export interface FailedStep {
  readonly component: string;
  readonly step: "drain" | "stop";
  readonly error: unknown;
  /** What it costs, as the end of a sentence. */
  readonly loss: string | undefined;
}

/** The server has ended, but not all of it in order. One line for people: what failed, why, and what it costs. */
export class StopError extends AggregateError {
  override readonly name = "StopError";

  constructor(failures: readonly FailedStep[]) {
    const told = failures.map(({ component, step, error, loss }) => {
      const what = `${component} did not ${step} (${reasonOf(error)})`;
      return loss === undefined ? what : `${what}: ${loss}`;
    });
    super(
      failures.map(({ error }) => error),
      `not everything stopped cleanly: ${told.join("; ")}`,
    );
  }
}

/** Why, in one line. An error that stands for several attempts to connect has a code, but no message. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error ? String(error.code) : error.name;
  return error.message.split("\n")[0] || code;
}
