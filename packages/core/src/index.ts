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
export type {
  Flush,
  FlushOutcome,
  Home,
  QueueChanges,
  QueuedMessage,
  QueueStore,
  QueueWindow,
} from "./ports/queue-store.ts";
export type {
  BindingDefinition,
  BindingDestination,
  DeclareOutcome,
  ExchangeDefinition,
  ExchangeType,
  QueueDefinition,
  Topology,
  TopologyChange,
  TopologyStore,
} from "./ports/topology-store.ts";
