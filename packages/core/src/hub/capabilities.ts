import type { Capability, CapabilityKind, CapabilityVerb } from "../ports/authenticator.ts";

interface Grant {
  readonly verbs: ReadonlySet<CapabilityVerb>;
  matches(name: string): boolean;
}

/** What a connection may do beyond what the namespaces allow: the `caps` of its token. Nothing is the default. */
export class Capabilities {
  static readonly none = new Capabilities([]);
  /** Of a server that asks nobody for tokens. */
  static readonly all = new Capabilities([], true);
  readonly #grants: Readonly<Record<CapabilityKind, readonly Grant[]>>;
  readonly #everything: boolean;

  /** `everything`: whatever the list says. */
  constructor(capabilities: readonly Capability[], everything = false) {
    const grants: Record<CapabilityKind, Grant[]> = { channels: [], exchanges: [], queues: [] };
    for (const { kind, patterns, match, verbs } of capabilities)
      grants[kind].push({ verbs, matches: match === "exact" ? among(patterns) : like(patterns) });
    this.#grants = grants;
    this.#everything = everything;
  }

  /** Costs a look at each of the kind's capabilities. */
  allows(kind: CapabilityKind, name: string, verb: CapabilityVerb): boolean {
    if (this.#everything) return true;
    for (const grant of this.#grants[kind])
      if (grant.verbs.has(verb) && grant.matches(name)) return true;
    return false;
  }
}

function among(names: readonly string[]): (name: string) => boolean {
  const set = new Set(names);
  return (name) => set.has(name);
}

function like(patterns: readonly string[]): (name: string) => boolean {
  const pieces = patterns.map((pattern) => pattern.split("*"));
  return (name) => pieces.some((each) => holdsInOrder(name, each));
}

/** `pieces` stand between the stars. Each is taken where it comes first, so that no pattern is expensive. */
function holdsInOrder(name: string, pieces: readonly string[]): boolean {
  const first = pieces[0] ?? "";
  if (pieces.length === 1) return name === first;
  const last = pieces.at(-1) ?? "";
  if (!name.startsWith(first) || !name.endsWith(last)) return false;
  let at = first.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = name.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return at <= name.length - last.length;
}
