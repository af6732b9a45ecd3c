/** What becomes of one event: the union over all bindings that match, through exchanges bound to exchanges. */
export interface Route {
  /** Names, one each. */
  readonly queues: readonly string[];
  readonly channels: readonly ChannelTarget[];
}

export interface ChannelTarget {
  readonly channel: string;
  /** False: at most once, lowest latency. */
  readonly durable: boolean;
}

/** An event as routing sees it. */
export interface RoutedEvent {
  readonly exchange: string;
  readonly key: string;
  readonly headers: Readonly<Record<string, string | number | boolean>>;
}
