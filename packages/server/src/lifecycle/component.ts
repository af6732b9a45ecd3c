/** A part of the server that runs. */
export interface Component {
  readonly name: string;
  start(): Promise<void>;
  /** Finishes what is in flight and takes nothing new. Called on all components, in reverse order, before any `stop`. */
  drain?(): Promise<void>;
  stop(): Promise<void>;
}
