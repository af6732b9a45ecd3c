import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { moveToCore } from "../affinity.ts";
import { processTree } from "../process-stats.ts";
import type { BrokerPeer } from "./broker-peer.ts";
import {
  API_KEY,
  startSwitchyard,
  switchyardUnavailable,
  TOKEN_SECRET,
} from "./switchyard-server.ts";

/** The server with its embedded PostgreSQL. */
export const switchyardBroker: BrokerPeer = {
  name: "switchyard",
  label: "Switchyard",
  searchFrom: 12_000,
  unavailable: switchyardUnavailable,
  start: async (affinity, cores) => {
    const server = await startSwitchyard(affinity.server, {
      client: { limits: { commands_per_second: 0 } },
    });
    const storePid = postmasterOf(server.dataDir);
    if (cores === "two" && affinity.generatorCore !== undefined)
      moveToCore(processTree(storePid), affinity.generatorCore);
    return {
      pid: server.pid,
      storePid,
      port: server.port,
      dialect: ({ publishVia, givenIds }) => ({
        kind: "switchyard",
        apiKey: API_KEY,
        tokenSecret: TOKEN_SECRET,
        publishVia,
        givenIds,
      }),
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  },
};

/** The first line of postmaster.pid is the postmaster's process id. */
function postmasterOf(dataDir: string): number {
  const file = readdirSync(dataDir, { recursive: true, encoding: "utf8" }).find(
    (path) => basename(path) === "postmaster.pid",
  );
  if (file === undefined) throw new Error(`no postmaster.pid in ${dataDir}`);
  return Number(readFileSync(join(dataDir, file), "utf8").split("\n", 1)[0]);
}
