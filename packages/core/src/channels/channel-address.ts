import type { NamespaceOptions, NamespaceRules } from "./namespace.ts";

const printableAscii = /^[\x21-\x7e]+$/;

/** A channel's name taken apart (protocol 15). What only some callers ask is found when they do. */
export class ChannelAddress {
  readonly options: NamespaceOptions;
  readonly #name: string;
  /** Length of `namespace:`. */
  readonly #prefixLength: number;
  readonly #privatePrefix: string;

  constructor(
    name: string,
    prefixLength: number,
    options: NamespaceOptions,
    privatePrefix: string,
  ) {
    this.#name = name;
    this.#prefixLength = prefixLength;
    this.options = options;
    this.#privatePrefix = privatePrefix;
  }

  /** Needs a subscription token whatever the namespace allows. */
  get isPrivate(): boolean {
    return (
      this.#name.startsWith(this.#privatePrefix) ||
      this.#name.startsWith(this.#privatePrefix, this.#prefixLength)
    );
  }

  /** `room#42,43`: the users who may subscribe; undefined when the name limits nobody. */
  get users(): readonly string[] | undefined {
    const hash = this.#name.indexOf("#");
    return hash === -1 ? undefined : this.#name.slice(hash + 1).split(",");
  }

  /** The name has only characters that the namespace allows (clients must keep to it; the API need not). */
  get wellFormed(): boolean {
    const pattern = this.options.channelPattern;
    if (!pattern) return printableAscii.test(this.#name) && this.#name.length > this.#prefixLength;
    const namespace = this.#name.slice(0, this.#prefixLength);
    return (
      (namespace === "" || printableAscii.test(namespace)) &&
      pattern.test(this.#name.slice(this.#prefixLength))
    );
  }
}

/** undefined: the namespace is not configured (102). */
export function parseChannel(name: string, rules: NamespaceRules): ChannelAddress | undefined {
  const { privatePrefix } = rules;
  const colon = name.indexOf(":");
  if (colon === -1) {
    return (
      rules.withoutNamespace && new ChannelAddress(name, 0, rules.withoutNamespace, privatePrefix)
    );
  }
  const start = name.startsWith(privatePrefix) ? privatePrefix.length : 0;
  const options = rules.namespaces.get(name.slice(start, colon));
  return options && new ChannelAddress(name, colon + 1, options, privatePrefix);
}
