import type { ChannelRegistry } from "../channels/channel-registry.ts";
import type { Authenticator } from "../ports/authenticator.ts";
import type { Bus } from "../ports/bus.ts";
import type { Clock } from "../ports/clock.ts";
import type { HubObserver } from "../ports/hub-observer.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";
import type { ConnectionRegistry } from "./connection-registry.ts";
import type { DeadlineWheel } from "./deadline-wheel.ts";
import type { HubOptions } from "./hub-options.ts";
import type { MethodRegistry } from "./method-registry.ts";

/** What the connections of a node share. */
export interface HubServices {
  readonly bus: Bus;
  readonly authenticator: Authenticator;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly observer: HubObserver;
  readonly options: HubOptions;
  readonly methods: MethodRegistry;
  readonly channels: ChannelRegistry;
  readonly connections: ConnectionRegistry;
  readonly wheel: DeadlineWheel;
}
