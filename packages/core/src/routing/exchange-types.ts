import type { ExchangeType } from "../ports/topology-store.ts";
import { DirectIndex } from "./direct.ts";
import type { BindingArguments, ExchangeIndex } from "./exchange-index.ts";
import { FanoutIndex } from "./fanout.ts";
import { HeadersIndex } from "./headers.ts";
import { TopicIndex } from "./topic.ts";

type CreateIndex = <Binding extends BindingArguments>() => ExchangeIndex<Binding>;

/** All types of exchanges. A new one is a file with its index, and a line here. */
export const exchangeTypes: ReadonlyMap<ExchangeType, CreateIndex> = new Map<
  ExchangeType,
  CreateIndex
>([
  ["fanout", () => new FanoutIndex()],
  ["direct", () => new DirectIndex()],
  ["topic", () => new TopicIndex()],
  ["headers", () => new HeadersIndex()],
]);
