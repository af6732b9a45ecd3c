import type { ChannelBus } from "../ports/bus.ts";
import type { Clock } from "../ports/clock.ts";
import type { HubObserver } from "../ports/hub-observer.ts";
import type { Log } from "../ports/log.ts";
import type { LocalChannel } from "./local-channel.ts";

/** What the channels of a node share. */
export interface ChannelContext {
  readonly bus: ChannelBus;
  readonly clock: Clock;
  readonly observer: HubObserver;
  readonly log: Log;
  readonly maxRecoveredPublications: number;
  /** What one reply brings of a recovery. Half of a link's queue bound: it must not make a client slow. */
  readonly maxRecoveredBytes: number;
  /** A heavier publication does not fit into a link's queue with its envelope. */
  readonly maxPublicationBytes: number;
  readonly sendTime: boolean;
  /** The channel has closed and nobody waits for it. */
  onEmpty(channel: LocalChannel): void;
}
