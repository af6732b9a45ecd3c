/** A part of the server that runs. */
export interface Component {
  readonly name: string;
  start(): Promise<void>;
  /** Finishes what is in flight and takes nothing new. Called on all components, in reverse order, before any `stop`. */
  drain?(): Promise<void>;
  /** What it costs when `drain` fails or is not done in time, as the end of a sentence for who runs the server. */
  readonly drainLoss?: string;
  stop(): Promise<void>;
}
