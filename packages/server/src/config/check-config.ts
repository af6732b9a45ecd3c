import { defaultOrigin, devDefaultOrigin, isDefault } from "./given.ts";
import { formatDuration, formatSize } from "./quantities.ts";
import type { NamespaceValues } from "./declaration-namespace.ts";
import type { Config } from "./declaration.ts";
import type { Origin } from "./given.ts";
import type { Mistake, MistakeCode, Warning } from "./mistake.ts";

/** A mistake between several options. */
export interface Conflict {
  readonly mistake: Mistake;
  /** Paths of all options that have a part in it. */
  readonly involves: readonly string[];
}

export interface CheckResult {
  readonly mistakes: readonly Conflict[];
  readonly warnings: readonly Warning[];
}

interface Findings {
  readonly add: (
    code: MistakeCode,
    path: string,
    others: readonly string[],
    given: string | undefined,
    expected: string,
  ) => void;
  /** Another option that has a part in a mistake, with its value and where that came from. */
  readonly show: (path: string, value: string) => string;
  readonly warn: (path: string, message: string) => void;
}

/** Finds what is wrong, or worth a warning, between options that are right by themselves. */
export function checkConfig(
  config: Config,
  originOf: (path: string) => Origin | undefined,
): CheckResult {
  const mistakes: Conflict[] = [];
  const warnings: Warning[] = [];
  const findings: Findings = {
    add(code, path, others, given, expected) {
      const list = path.startsWith("channel.namespaces[") ? ["channel.namespaces"] : [];
      const involves = [path, ...list, ...others];
      const origin = originOf(path) ?? defaultOrigin;
      const source = given === undefined && isDefault(origin) ? "" : origin;
      mistakes.push({ mistake: { path, code, source, given, expected }, involves });
    },
    show: (path, value) => `${path} (${value}, ${originOf(path) ?? defaultOrigin})`,
    warn(path, message) {
      warnings.push({ path, message });
    },
  };
  checkClient(config, findings);
  checkAddresses(config, findings);
  checkAccess(config, findings);
  const bare = "channel.without_namespace";
  const isChosen = (key: string): boolean => originOf(`${bare}.${key}`) !== devDefaultOrigin;
  checkNamespace(config.channel.withoutNamespace, bare, config, findings, isChosen);
  for (const [index, namespace] of config.channel.namespaces.entries()) {
    checkNamespace(namespace, `channel.namespaces[${index}]`, config, findings, () => true);
  }
  checkPersonalChannel(config, findings);
  return { mistakes, warnings };
}

function checkClient({ client, shutdown }: Config, { add, show }: Findings): void {
  const { limits, pingIntervalMs, pongTimeoutMs } = client;
  if (pongTimeoutMs >= pingIntervalMs) {
    const interval = show("client.ping_interval", formatDuration(pingIntervalMs));
    const expected = `less than ${interval}`;
    const given = formatDuration(pongTimeoutMs);
    add("conflict", "client.pong_timeout", ["client.ping_interval"], given, expected);
  }
  if (limits.pauseBytes >= limits.queueBytes) {
    const queue = show("client.limits.queue_bytes", formatSize(limits.queueBytes));
    const expected = `less than ${queue}`;
    const given = formatSize(limits.pauseBytes);
    add("conflict", "client.limits.pause_bytes", ["client.limits.queue_bytes"], given, expected);
  }
  if (limits.frameBytesBeforeConnect > limits.frameBytes) {
    const path = "client.limits.frame_bytes_before_connect";
    const frame = show("client.limits.frame_bytes", formatSize(limits.frameBytes));
    const expected = `at most ${frame}`;
    const given = formatSize(limits.frameBytesBeforeConnect);
    add("conflict", path, ["client.limits.frame_bytes"], given, expected);
  }
  if (shutdown.spreadMs >= shutdown.deadlineMs) {
    const deadline = show("shutdown.deadline", formatDuration(shutdown.deadlineMs));
    const expected = `less than ${deadline}`;
    const given = formatDuration(shutdown.spreadMs);
    add("conflict", "shutdown.spread", ["shutdown.deadline"], given, expected);
  }
}

/** Loopback by name or number; what `--dev` may bind. */
function isLoopback(address: string): boolean {
  return address === "localhost" || address === "::1" || /^127\.\d+\.\d+\.\d+$/.test(address);
}

function checkAddresses({ http, dev }: Config, { add, show }: Findings): void {
  const expected =
    "a loopback address (127.0.0.1, ::1, localhost) with --dev, which opens everything";
  if (dev && !isLoopback(http.address)) add("unsafe", "http.address", [], http.address, expected);
  if (http.internalPort === undefined) return;
  if (dev && !isLoopback(http.internalAddress)) {
    add("unsafe", "http.internal_address", [], http.internalAddress, expected);
  }
  if (http.internalPort !== 0 && http.internalPort === http.port) {
    const other = `another port than ${show("http.port", `${http.port}`)}`;
    add("conflict", "http.internal_port", ["http.port"], `${http.internalPort}`, other);
  }
}

function checkAccess(config: Config, { warn }: Findings): void {
  const { client, api, token, dev } = config;
  if (client.insecure && !dev) {
    warn(
      "client.insecure",
      "EVERY CLIENT MAY DO EVERYTHING WITHOUT A TOKEN. Never use this outside development.",
    );
  }
  if (api.insecure && !dev) {
    warn(
      "api.insecure",
      "THE SERVER API IS OPEN TO EVERYONE WHO REACHES THE PORT. Never use this outside development.",
    );
  }
  if (config.allowedOrigins.includes("*")) {
    warn(
      "allowed_origins",
      "`*` lets every page on the web connect with its visitors' network access.",
    );
  }
  if (config.allowedOrigins.includes("null")) {
    warn("allowed_origins", "`null` lets every sandboxed frame and local file connect.");
  }
  for (const range of config.trustedGateway.addresses) {
    if (range.endsWith("/0")) {
      warn("trusted_gateway.addresses", `${range} lets everyone choose who they are.`);
    }
  }
  // RFC 7518 3.2: a key at least as long as the hash.
  if (token.secret !== undefined && Buffer.byteLength(token.secret) < 32 && !dev) {
    warn("token.secret", "shorter than 32 bytes: it can be guessed from one token.");
  }
  if (api.key.some((key) => key.length < 16) && !dev) {
    warn("api.key", "shorter than 16 characters: it can be guessed.");
  }
  for (const url of token.jwksUrl) {
    const { protocol, hostname } = new URL(url);
    if (protocol === "http:" && !isLoopback(hostname.replace(/^\[|\]$/g, ""))) {
      warn(
        "token.jwks_url",
        `${url} is fetched without TLS: whoever changes it on the way issues tokens.`,
      );
    }
  }
}

/** `isChosen` is false for what only `--dev` switched on: it goes quietly when what it needs is switched off. */
function checkNamespace(
  options: NamespaceValues,
  at: string,
  config: Config,
  { add, show, warn }: Findings,
  isChosen: (key: string) => boolean,
): void {
  const path = (key: string): string => `${at}.${key}`;
  const [size, ttl] = [path("history_size"), path("history_ttl")];
  const hasSize = options.historySize > 0;
  const hasTtl = options.historyTtlMs > 0;
  const lacksTtl = hasSize && !hasTtl && isChosen("history_size");
  const lacksSize = hasTtl && !hasSize && isChosen("history_ttl");
  if (lacksTtl) {
    const expected = `a duration above 0 because of ${show(size, `${options.historySize}`)}`;
    add("missing", ttl, [size], undefined, expected);
  }
  if (lacksSize) {
    const expected = `a number above 0 because of ${show(ttl, formatDuration(options.historyTtlMs))}`;
    add("missing", size, [ttl], undefined, expected);
  }
  if (hasSize && hasTtl && options.historyMetaTtlMs < options.historyTtlMs) {
    const expected = `at least ${show(ttl, formatDuration(options.historyTtlMs))}`;
    const given = formatDuration(options.historyMetaTtlMs);
    add("conflict", path("history_meta_ttl"), [size, ttl], given, expected);
  }
  const needHistory = [
    options.forceRecovery && "force_recovery",
    options.allowRecovery && "allow_recovery",
    options.forcePositioning && "force_positioning",
    options.allowPositioning && "allow_positioning",
  ].filter((name) => name !== false);
  // With half of the history missing, that was told above.
  const hasNoHistory = !(hasSize && hasTtl) && !lacksTtl && !lacksSize;
  for (const name of hasNoHistory ? needHistory.filter(isChosen) : []) {
    const expected =
      "history_size and history_ttl to be set: without history there is nothing to recover from";
    add("conflict", path(name), [size, ttl], "true", expected);
  }
  if (options.forcePushJoinLeave && !options.joinLeave && isChosen("force_push_join_leave")) {
    add(
      "conflict",
      path("force_push_join_leave"),
      [path("join_leave")],
      "true",
      "join_leave: true",
    );
  }
  if (options.autoCacheRecover && options.forceRecoveryMode !== "cache") {
    const expected = "force_recovery_mode: cache";
    add("conflict", path("auto_cache_recover"), [path("force_recovery_mode")], "true", expected);
  }
  const { recoveryPublications } = config.client.limits;
  const recoversStream =
    (options.forceRecovery || options.allowRecovery) && options.forceRecoveryMode === "stream";
  if (recoversStream && options.historySize > recoveryPublications) {
    warn(
      size,
      `keeps ${options.historySize} publications, but client.limits.recovery_publications lets a client recover only ${recoveryPublications}.`,
    );
  }
  warnOfIdlePermissions(options, at, hasNoHistory, warn, isChosen);
}

function warnOfIdlePermissions(
  options: NamespaceValues,
  at: string,
  hasNoHistory: boolean,
  warn: Findings["warn"],
  isChosen: (key: string) => boolean,
): void {
  const presenceReaders =
    options.allowPresenceForClient ||
    options.allowPresenceForSubscriber ||
    options.allowPresenceForAnonymous;
  if (presenceReaders && !options.presence && isChosen("allow_presence_for_client")) {
    warn(at, "allow_presence_for_… has no effect without presence.");
  }
  const historyReaders =
    options.allowHistoryForClient ||
    options.allowHistoryForSubscriber ||
    options.allowHistoryForAnonymous;
  if (historyReaders && hasNoHistory && isChosen("allow_history_for_client")) {
    warn(at, "allow_history_for_… has no effect without history_size and history_ttl.");
  }
}

function checkPersonalChannel({ client, channel }: Config, { add }: Findings): void {
  const boundary = client.personalPrefix.indexOf(":");
  if (!client.personalChannel || boundary === -1) return;
  const name = client.personalPrefix.slice(0, boundary);
  if (channel.namespaces.some((namespace) => namespace.name === name)) return;
  const expected = `a namespace that exists; \`${name}\` is not in channel.namespaces`;
  add(
    "conflict",
    "client.personal_prefix",
    ["channel.namespaces"],
    client.personalPrefix,
    expected,
  );
}
