import {
  type ClientInfo,
  type Codec,
  disconnects,
  type JsonText,
  unsubscribes,
} from "@switchyard/protocol";
import type { ChannelMember } from "../channels/channel-member.ts";
import type { LocalChannel } from "../channels/local-channel.ts";
import type { StreamPosition } from "../channels/publication.ts";
import type { ChannelName } from "../ids.ts";
import type { Link } from "../ports/fan-out.ts";
import type { Connection } from "./connection.ts";

/** How a connection is subscribed to a channel, settled before it joins. */
export interface SubscriptionTerms {
  readonly channel: ChannelName;
  /** Made by the server: its loss costs the connection (3010) instead of an unsubscribe push. */
  readonly serverSide: boolean;
  readonly chanInfo: JsonText | undefined;
  readonly presence: boolean;
  /** Others are told of joining and leaving. */
  readonly announces: boolean;
  /** This connection is told of others'. */
  readonly pushesJoinLeave: boolean;
  readonly positioned: boolean;
  readonly recoverable: boolean;
  /** Unix seconds; undefined: never. */
  readonly expireAt: number | undefined;
}

/** A connection on a channel. */
export class Subscription implements ChannelMember {
  memberIndex = -1;
  readonly connection: Connection;
  readonly local: LocalChannel;
  readonly terms: SubscriptionTerms;
  /** Changed by sub_refresh. Unix seconds; undefined: never. */
  expireAt: number | undefined;

  constructor(connection: Connection, local: LocalChannel, terms: SubscriptionTerms) {
    this.connection = connection;
    this.local = local;
    this.terms = terms;
    this.expireAt = terms.expireAt;
  }

  get link(): Link {
    return this.connection.link;
  }

  get codec(): Codec {
    return this.connection.codec;
  }

  get positioned(): boolean {
    return this.terms.positioned;
  }

  get pushesJoinLeave(): boolean {
    return this.terms.pushesJoinLeave;
  }

  get info(): ClientInfo {
    const { info } = this.connection;
    return this.terms.chanInfo === undefined ? info : { ...info, chanInfo: this.terms.chanInfo };
  }

  /** What the client has while more is to come than it could be given at once; undefined: it is level. */
  get behind(): StreamPosition | undefined {
    return this.local.behind(this);
  }

  losePosition(): void {
    if (this.terms.serverSide) this.connection.close(disconnects.insufficientState);
    else this.connection.unsubscribe(this.terms.channel, unsubscribes.insufficientState);
  }

  refusePayload(): void {
    this.connection.close(disconnects.inappropriateProtocol);
  }
}
