import type { Codec } from "@switchyard/protocol";
import type { Link } from "../ports/fan-out.ts";

/** One connection's subscription as its channel sees it. */
export interface ChannelMember {
  /** Kept by the channel: its place among the members, -1 when in none. */
  memberIndex: number;
  readonly link: Link;
  readonly codec: Codec;
  /** The client was promised that nothing will be missing. */
  readonly positioned: boolean;
  /** Wants join and leave messages. */
  readonly pushesJoinLeave: boolean;
  /** What this member has seen cannot be continued: it must start again from its position (protocol 8.7). */
  losePosition(): void;
  /** A payload cannot be written in this member's encoding (protocol 1.6). */
  refusePayload(): void;
}
