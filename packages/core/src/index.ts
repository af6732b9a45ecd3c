export type { NamespaceOptions, NamespaceRules } from "./channels/namespace.ts";
export type { ClientInfo, Publication, StreamPosition } from "./channels/publication.ts";
export { type ErrorName, errorTable, type LogLevel } from "./errors/error-table.ts";
export {
  asSwitchyardError,
  SwitchyardError,
  type SwitchyardErrorOptions,
} from "./errors/switchyard-error.ts";
export { Hub, type DrainOptions, type HubParts } from "./hub/hub.ts";
export { HubOperations } from "./hub/hub-operations.ts";
export type { HubServices } from "./hub/hub-services.ts";
export {
  type Caller,
  type FollowedAnswer,
  MethodRegistry,
  type RpcMethod,
  type SendHandler,
  type ServerMethod,
} from "./hub/method-registry.ts";
export { ApplicationError } from "./errors/application-error.ts";
export {
  createMemoryBus,
  type MemoryBus,
  type MemoryBusOptions,
  type MemoryBusStats,
} from "./memory/memory-bus.ts";
export type { ClientConnection, ConnectionRequest, HubEdge } from "./hub/hub-edge.ts";
export type { ClientOptions, HubLimits, HubOptions } from "./hub/hub-options.ts";
export type {
  ConnectionDescription,
  ConnectionSelector,
  NodeAnswer,
  NodeInfo,
  NodeRequest,
  UserOnline,
} from "./hub/node-request.ts";
export type {
  DisconnectRequest,
  HistoryOperation,
  HistoryOutcome,
  PublishOutcome,
  PublishRequest,
  RefreshConnectionRequest,
  ServerOperations,
  SubscribeUserRequest,
} from "./hub/server-operations.ts";
export {
  channelName,
  type ChannelName,
  connectionId,
  type ConnectionId,
  nodeId,
  type NodeId,
} from "./ids.ts";
export type {
  Authenticator,
  Capability,
  CapabilityKind,
  CapabilityVerb,
  ConnectionClaims,
  ServerSubscriptionClaims,
  SubscriptionClaims,
  SubscriptionOverride,
  TokenOutcome,
} from "./ports/authenticator.ts";
export type {
  AskOptions,
  Bus,
  BusEvents,
  ChannelBus,
  HistoryPage,
  HistoryQuery,
  NewPublication,
  NodeBus,
  PresenceBus,
  PresenceChange,
  PresenceStats,
  PublishOptions,
  PublishResult,
  Retention,
} from "./ports/bus.ts";
export type { Clock, Timer } from "./ports/clock.ts";
export type { FanOut, Frame, Link, TransportName } from "./ports/fan-out.ts";
export type { HubObserver } from "./ports/hub-observer.ts";
export type { Log, LogFields } from "./ports/log.ts";
export type { Random } from "./ports/random.ts";
export type { SnapshotPublication, StreamSnapshot, StreamStore } from "./ports/stream-store.ts";
export type {
  PushMessage,
  PushOutcome,
  PushProvider,
  PushSender,
  PushTarget,
} from "./ports/push-sender.ts";
export {
  delayedLane,
  type DelayedQuery,
  type DeliveryMark,
  type Event,
  type Flush,
  type FlushOutcome,
  type GivenId,
  type Incarnation,
  type Lane,
  type MessageChange,
  type MessageChanges,
  type QueueState,
  type QueueStore,
  type SeqRange,
  type StoredMessage,
  type Takeover,
  type WindowQuery,
} from "./ports/queue-store.ts";
export type {
  BindingDefinition,
  BindingDestination,
  BindOutcome,
  DeclareOutcome,
  ExchangeDefinition,
  ExchangeType,
  HeaderMatch,
  OverflowPolicy,
  QueueDefinition,
  RetryPolicy,
  Topology,
  TopologyChange,
  TopologyStore,
} from "./ports/topology-store.ts";
export type {
  BrokerCounters,
  BrokerOperations,
  BrowsedMessage,
  BrowsePage,
  BrowseResult,
  Consumer,
  ConsumeRequest,
  DeadLetterSelection,
  Delivery,
  DeliverySink,
  ExchangeDescription,
  NewEvent,
  PublishEventOutcome,
  PulledDelivery,
  PullRequest,
  QueueCounts,
  QueueDescription,
  QueueRates,
  ReplayResult,
  SettleOutcome,
  SettleResult,
  Settlement,
  TopologyDocument,
  TopologyImport,
} from "./queues/broker-operations.ts";
export type { DeathReason, DeathRecord } from "./queues/death-record.ts";
export {
  builtInExchanges,
  defaultExchange,
  isBuiltInExchange,
} from "./routing/built-in-exchanges.ts";
export {
  type ChannelTemplate,
  type ChannelTemplateOptions,
  type ParsedChannelTemplate,
  parseChannelTemplate,
} from "./routing/channel-template.ts";
export { bindingKey, differingMembers } from "./routing/definitions.ts";
export type { BindingArguments, ExchangeIndex } from "./routing/exchange-index.ts";
export { exchangeTypes } from "./routing/exchange-types.ts";
export { checkName } from "./routing/names.ts";
export { percentEncode } from "./routing/percent-encode.ts";
export type { ChannelTarget, Route, RoutedEvent } from "./routing/route.ts";
export { RoutingTable, type RoutingTableOptions } from "./routing/routing-table.ts";
export { Broker, type BrokerOptions } from "./queues/broker.ts";
export type { PublishToChannel } from "./queues/channel-forwarder.ts";
export { generatedQueuePrefix } from "./queues/topology-keeper.ts";
