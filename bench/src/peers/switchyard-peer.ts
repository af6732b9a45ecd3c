import type { Addressing, Peer } from "./peer.ts";
import {
  API_KEY,
  startSwitchyard,
  switchyardUnavailable,
  TOKEN_SECRET,
} from "./switchyard-server.ts";

const NAMESPACE_OF: Readonly<Record<Addressing, string>> = {
  channel: "bench",
  personal: "bench",
  presence: "presence",
  history: "history",
};

/** What one generator must be allowed to do. */
function configuration(addressing: Addressing): Readonly<Record<string, unknown>> {
  const open = {
    allow_subscribe_for_client: true,
    allow_publish_for_client: true,
    publications_per_second: 0,
  };
  return {
    client: {
      // The figure is for one subscription; a personal channel would be a second.
      personal_channel: addressing !== "presence",
      limits: { commands_per_second: 0 },
    },
    channel: {
      namespaces: [
        { name: "bench", ...open },
        { name: "presence", ...open, presence: true },
        { name: "history", ...open, history_size: 100, history_ttl: "60s", force_recovery: true },
      ],
    },
  };
}

export function createSwitchyardPeer(publishVia: "http" | "websocket"): Peer {
  return {
    name: "switchyard",
    label: "Switchyard",
    searchFrom: 2_000,
    unavailable: switchyardUnavailable,
    start: async (prefix, addressing) => {
      const server = await startSwitchyard(prefix, configuration(addressing));
      return {
        pid: server.pid,
        port: server.port,
        dialect: {
          kind: "switchyard",
          apiKey: API_KEY,
          tokenSecret: TOKEN_SECRET,
          addressing: addressing === "personal" ? "personal" : "channel",
          namespace: NAMESPACE_OF[addressing],
          publishVia,
        },
        [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
      };
    },
  };
}
