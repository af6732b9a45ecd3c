declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** One client transport: a UUID, unique for all time. */
export type ConnectionId = Branded<"ConnectionId">;
/** `namespace:name`, at most `limits.channelNameLength` characters when it came from a client. */
export type ChannelName = Branded<"ChannelName">;
/** The id of one run of a node. */
export type NodeId = Branded<"NodeId">;

// Each of these names a string; the checks on its content are where it enters (parseChannel, the registry).
export const connectionId = (value: string): ConnectionId => value as ConnectionId;
export const channelName = (value: string): ChannelName => value as ChannelName;
export const nodeId = (value: string): NodeId => value as NodeId;
