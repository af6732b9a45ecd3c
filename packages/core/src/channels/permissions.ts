import type { CapabilityVerb } from "../ports/authenticator.ts";
import type { ChannelAddress } from "./channel-address.ts";
import type { NamespaceOptions } from "./namespace.ts";

/** What a permission depends on besides the namespace. */
export interface Asker {
  readonly user: string;
  /** Development switch: everything is allowed. */
  readonly insecure: boolean;
  /** By the `caps` of the connection's token. */
  isPermitted(verb: CapabilityVerb): boolean;
}

/** Whether `asker` may subscribe without a subscription token, and why it may (for the connection's description). */
export function maySubscribe(address: ChannelAddress, asker: Asker): boolean {
  if (asker.insecure || asker.isPermitted("subscribe")) return true;
  const { options } = address;
  if (address.isPrivate) return false;
  if (address.users)
    return (
      options.allowUserLimitedChannels && asker.user !== "" && address.users.includes(asker.user)
    );
  return (
    options.allowSubscribeForClient && (asker.user !== "" || options.allowSubscribeForAnonymous)
  );
}

type Operation = "Publish" | "Presence" | "History";
const verbOf = { Publish: "publish", Presence: "presence", History: "history" } as const;

/** Whether `asker`, who is or is not subscribed to the channel, may do `operation` there. */
export function mayUse(
  operation: Operation,
  options: NamespaceOptions,
  asker: Asker,
  subscribed: boolean,
): boolean {
  if (asker.insecure) return true;
  if (subscribed && options[`allow${operation}ForSubscriber`]) return true;
  const byNamespace =
    options[`allow${operation}ForClient`] &&
    (asker.user !== "" || options[`allow${operation}ForAnonymous`]);
  return byNamespace || asker.isPermitted(verbOf[operation]);
}
