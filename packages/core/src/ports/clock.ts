/** Time as a component sees it. Tests own it; production wires it to the process. */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch. For timestamps and token expiry, never for intervals. */
  now(): number;
  /** Monotonic clock, milliseconds since an arbitrary start. For intervals, deadlines and fencing. */
  monotonic(): number;
  /** Calls `run` once after `delayMs` (at least one turn later). A pending timer does not keep the process alive. */
  after(delayMs: number, run: () => void): Timer;
}

export interface Timer {
  /** Idempotent; a no-op after the timer has fired. */
  cancel(): void;
}
