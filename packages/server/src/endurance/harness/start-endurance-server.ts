import { type RunningServer, startServer } from "@switchyard/testkit";

const everything = {
  presence: true,
  history_size: 20_000,
  history_ttl: "1h",
  allow_positioning: true,
  allow_recovery: true,
  allow_subscribe_for_client: true,
  allow_publish_for_client: true,
  allow_presence_for_client: true,
  allow_history_for_client: true,
};

interface EnduranceServerOptions {
  readonly args?: readonly string[];
  readonly dataDir?: string;
  /** Options of `room:` beyond presence, history, recovery and all permissions. */
  readonly room?: Readonly<Record<string, unknown>>;
  /** The only one it may run on, where there is a choice (Linux). */
  readonly core?: number;
}

/**
 * A server with the limits, deadlines and intervals of production. Channels are `room:…` (presence, history) and
 * `plain:…` (neither); users are who the `X-User-ID` header says, so that ten thousand need no tokens.
 */
export function startEnduranceServer(options: EnduranceServerOptions = {}): Promise<RunningServer> {
  const { args = [], dataDir, room = {}, core } = options;
  const namespaces = [
    { name: "room", ...everything, ...room },
    { name: "plain", allow_subscribe_for_client: true, allow_publish_for_client: true },
  ];
  return startServer({
    dev: false,
    ...(core === undefined ? {} : { prefix: ["taskset", "-c", String(core)] }),
    ...(dataDir === undefined ? {} : { dataDir }),
    args: [
      ...["--http-address", "127.0.0.1"],
      ...["--trusted-gateway-addresses", "127.0.0.1"],
      ...["--channel-namespaces", JSON.stringify(namespaces)],
      ...["--shutdown-spread", "200ms"],
      ...args,
    ],
  });
}
