export interface DuePublication {
  readonly topic: number;
  readonly payload: string;
}

/** Sends publications at once, whatever became of earlier ones. */
export interface Publisher {
  /** All that is due in one tick. */
  publish(due: readonly DuePublication[]): void;
  /** Publications that the server refused. */
  readonly errors: number;
  close(): void;
}
