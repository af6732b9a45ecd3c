import type { Bus, BusEvents, ChannelName, Publication } from "@switchyard/core";

export interface LossOptions {
  /**
   * Called for each live publication; true loses it. Publications without a stream are never put to it: nothing could
   * repair their loss.
   */
  readonly loses: (channel: ChannelName, publication: Publication) => boolean;
}

export interface LossyBus extends Bus {
  /** Publications lost so far, so that a test can show that it has tested something. */
  lost(): number;
}

/** `bus` that appends every publication but does not deliver some of them live: whoever listens must repair from history. */
export function withLoss(bus: Bus, { loses }: LossOptions): LossyBus {
  let lost = 0;
  const lossy = (events: BusEvents): BusEvents => ({
    publication(channel, publication, epoch) {
      if (publication.offset > 0 && loses(channel, publication)) lost += 1;
      else events.publication(channel, publication, epoch);
    },
    presence: (channel, change) => events.presence(channel, change),
    request: (request) => events.request(request),
  });
  return {
    name: bus.name,
    channels: bus.channels,
    presence: bus.presence,
    nodes: bus.nodes,
    start: (events) => bus.start(lossy(events)),
    drain: () => bus.drain(),
    stop: () => bus.stop(),
    check: (timeoutMs) => bus.check(timeoutMs),
    lost: () => lost,
  };
}
