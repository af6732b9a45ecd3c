import type {
  BindingDefinition,
  ExchangeDefinition,
  HeaderMatch,
  QueueDefinition,
} from "../ports/topology-store.ts";
import type { ChannelTemplate } from "./channel-template.ts";
import type { ExchangeIndex } from "./exchange-index.ts";

/** A binding with its ends found, so that following it is no look-up. */
export interface RoutingBinding {
  readonly definition: BindingDefinition;
  readonly key: string;
  readonly match: HeaderMatch | undefined;
  readonly source: ExchangeNode;
  readonly target: RoutingTarget;
}

export type RoutingTarget =
  | { readonly type: "queue"; readonly node: QueueNode }
  | { readonly type: "exchange"; readonly node: ExchangeNode }
  /** `template` is undefined when it cannot be read: no event reaches such a channel. */
  | {
      readonly type: "channel";
      readonly template: ChannelTemplate | undefined;
      readonly durable: boolean;
    };

export interface QueueNode {
  definition: QueueDefinition;
  readonly incoming: Set<RoutingBinding>;
  /** The search for a route that last came here. */
  visitedBy: number;
}

export interface ExchangeNode {
  definition: ExchangeDefinition;
  /** undefined: its type is not known here, so that nothing matches. */
  index: ExchangeIndex<RoutingBinding> | undefined;
  readonly incoming: Set<RoutingBinding>;
  readonly outgoing: Set<RoutingBinding>;
  /** The search for a route that last came here. */
  visitedBy: number;
}
