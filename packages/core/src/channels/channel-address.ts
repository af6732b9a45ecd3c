import type { NamespaceOptions, NamespaceRules } from "./namespace.ts";

/** A channel's name taken apart (protocol 15). */
export interface ChannelAddress {
  readonly options: NamespaceOptions;
  /** Needs a subscription token whatever the namespace allows. */
  readonly isPrivate: boolean;
  /** `room#42,43`: the users who may subscribe; undefined when the name limits nobody. */
  readonly users: readonly string[] | undefined;
  /** The name has only characters that the namespace allows (clients must keep to it; the API need not). */
  readonly wellFormed: boolean;
}

const printableAscii = /^[\x21-\x7e]+$/;

/** undefined: the namespace is not configured (102). */
export function parseChannel(name: string, rules: NamespaceRules): ChannelAddress | undefined {
  const colon = name.indexOf(":");
  const namespace =
    colon === -1
      ? ""
      : name
          .slice(0, colon)
          .slice(name.startsWith(rules.privatePrefix) ? rules.privatePrefix.length : 0);
  const options = colon === -1 ? rules.withoutNamespace : rules.namespaces.get(namespace);
  if (!options) return undefined;
  const rest = name.slice(colon + 1);
  const hash = name.indexOf("#");
  return {
    options,
    isPrivate: name.startsWith(rules.privatePrefix) || rest.startsWith(rules.privatePrefix),
    users: hash === -1 ? undefined : name.slice(hash + 1).split(","),
    wellFormed:
      (options.channelPattern ?? printableAscii).test(rest) &&
      printableAscii.test(name.slice(0, colon + 1) || "x"),
  };
}
