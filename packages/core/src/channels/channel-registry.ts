import type { ChannelName } from "../ids.ts";
import type { ChannelContext } from "./channel-context.ts";
import { LocalChannel } from "./local-channel.ts";
import type { NamespaceOptions } from "./namespace.ts";

/** The channels that have, or are about to have, subscribers on this node. */
export class ChannelRegistry {
  readonly #channels = new Map<ChannelName, LocalChannel>();
  readonly #context: ChannelContext;

  constructor(context: Omit<ChannelContext, "onEmpty">) {
    this.#context = { ...context, onEmpty: (channel) => this.#channels.delete(channel.name) };
  }

  get size(): number {
    return this.#channels.size;
  }

  find(name: ChannelName): LocalChannel | undefined {
    return this.#channels.get(name);
  }

  /** The channel, made when missing. The caller joins it at once; a channel that nobody joins would stay. */
  get(name: ChannelName, options: NamespaceOptions): LocalChannel {
    let channel = this.#channels.get(name);
    if (!channel) {
      channel = new LocalChannel(name, options, this.#context);
      this.#channels.set(name, channel);
    }
    return channel;
  }

  values(): IterableIterator<LocalChannel> {
    return this.#channels.values();
  }
}
