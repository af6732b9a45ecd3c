/** One entry of `allowed_origins`. */
export type OriginPattern =
  | { readonly kind: "any" }
  /** What browsers send for pages without an origin of their own (files, sandboxed frames). */
  | { readonly kind: "null" }
  | {
      readonly kind: "match";
      readonly scheme: string;
      /** The host, or with `subdomains` what must follow one or more labels. */
      readonly host: string;
      readonly subdomains: boolean;
      /** "": the default one of the scheme. undefined: any. */
      readonly port: string | undefined;
    };

/**
 * Reads `https://app.example.com`, `https://*.example.com:8443`, `http://localhost:*`, `null` or `*`; undefined
 * for anything else. `*.` stands for one or more labels, never for the bare domain.
 */
export function parseOriginPattern(pattern: string): OriginPattern | undefined {
  if (pattern === "*") return { kind: "any" };
  if (pattern === "null") return { kind: "null" };
  const match =
    /^([a-z][a-z0-9+.-]*):\/\/(\*\.)?([^/*?#@\s:[\]]+|\[[0-9a-f:.]+\])(?::(\d{1,5}|\*))?\/?$/i.exec(
      pattern,
    );
  if (match === null) return undefined;
  const [, scheme = "", subdomains, host = "", port] = match;
  const url = URL.parse(
    `${scheme}://${host}${port === undefined || port === "*" ? "" : `:${port}`}`,
  );
  if (url === null) return undefined;
  return {
    kind: "match",
    scheme: url.protocol,
    host: url.hostname.toLowerCase(),
    subdomains: subdomains !== undefined,
    port: port === "*" ? undefined : url.port,
  };
}

interface OriginConfig {
  readonly allowedOrigins: readonly string[];
}

/**
 * Decides whether a page may talk to this server, from the Origin and Host headers of its request. Allowed: no
 * Origin (native clients send none), the same host as the server was reached by, and `allowed_origins`.
 */
export function createOriginCheck(
  config: OriginConfig,
): (origin: string | undefined, host: string) => boolean {
  const patterns = config.allowedOrigins.flatMap((text) => parseOriginPattern(text) ?? []);
  const allowsAny = patterns.some((pattern) => pattern.kind === "any");
  return (origin, host) => {
    if (origin === undefined || allowsAny) return true;
    if (origin === "null") return patterns.some((pattern) => pattern.kind === "null");
    const url = URL.parse(origin);
    if (url === null || url.hostname === "") return false;
    return isSameHost(url, host) || patterns.some((pattern) => matches(pattern, url));
  };
}

function isSameHost(origin: URL, host: string): boolean {
  // Read with the origin's scheme, so that a default port is dropped on both sides. The scheme itself cannot be
  // compared: behind a proxy that ends TLS this server sees plain HTTP.
  const own = URL.parse(`${origin.protocol}//${host}`);
  return (
    own !== null &&
    own.username === "" &&
    own.pathname.length <= 1 &&
    own.host !== "" &&
    own.host === origin.host
  );
}

function matches(pattern: OriginPattern, origin: URL): boolean {
  if (pattern.kind !== "match" || origin.protocol !== pattern.scheme) return false;
  if (pattern.port !== undefined && origin.port !== pattern.port) return false;
  const hostname = origin.hostname.toLowerCase();
  return pattern.subdomains ? hostname.endsWith(`.${pattern.host}`) : hostname === pattern.host;
}
