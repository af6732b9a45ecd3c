/** One entry of `allowed_hosts`. */
export type HostPattern =
  | { readonly kind: "any" }
  | {
      readonly kind: "match";
      /** Lower case; IPv6 without brackets. */
      readonly name: string;
      /** One or more labels in front of `name`. */
      readonly subdomains: boolean;
      /** undefined: any port. */
      readonly port: string | undefined;
    };

/** Reads `example.com`, `*.example.com`, `10.1.2.3:8000`, `[::1]`, `::1` or `*`; undefined for anything else. */
export function parseHostPattern(pattern: string): HostPattern | undefined {
  if (pattern === "*") return { kind: "any" };
  const subdomains = pattern.startsWith("*.");
  const host = splitHost(subdomains ? pattern.slice(2) : pattern);
  if (host === undefined || (subdomains && host.name.includes(":"))) return undefined;
  return { kind: "match", name: host.name, subdomains, port: host.port };
}

function splitHost(
  host: string,
): { readonly name: string; readonly port: string | undefined } | undefined {
  const isBareIpv6 = /^[0-9a-f:.]+$/i.test(host) && (host.match(/:/g)?.length ?? 0) > 1;
  const match = /^([A-Za-z0-9_.-]+|\[[0-9a-f:.]+\])(?::(\d{1,5}))?$/i.exec(
    isBareIpv6 ? `[${host}]` : host,
  );
  if (match === null) return undefined;
  // URL normalises case, IPv4 and IPv6 notations.
  const url = URL.parse(`http://${match[1] ?? ""}`);
  if (url === null) return undefined;
  return { name: url.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, ""), port: match[2] };
}

interface HostConfig {
  readonly allowedHosts: readonly string[];
}

/**
 * Decides whether a request is meant for this server, by its Host header: the guard against DNS rebinding. With
 * no `allowed_hosts` every host passes; otherwise a missing or malformed header does not.
 */
export function createHostCheck(config: HostConfig): (host: string | undefined) => boolean {
  const patterns = config.allowedHosts.flatMap((text) => parseHostPattern(text) ?? []);
  if (config.allowedHosts.length === 0 || patterns.some((pattern) => pattern.kind === "any"))
    return () => true;
  return (host) => {
    const given = host === undefined ? undefined : splitHost(host);
    if (given === undefined) return false;
    return patterns.some((pattern) => {
      if (pattern.kind === "any") return true;
      if (pattern.port !== undefined && pattern.port !== given.port) return false;
      return pattern.subdomains
        ? given.name.endsWith(`.${pattern.name}`)
        : given.name === pattern.name;
    });
  };
}
