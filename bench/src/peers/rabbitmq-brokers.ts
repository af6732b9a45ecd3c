import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrokerPeer, RunningBroker } from "./broker-peer.ts";
import { acceptsConnections } from "./accepts-connections.ts";
import { freePort } from "./free-port.ts";
import { stopProcess } from "./spawn-peer.ts";

const READY_MS = 60_000;
/** The protocol header of AMQP 0-9-1. A node that is still starting listens already, and hangs up. */
const GREETING = "AMQP\0\0\x09\x01";
/** Debian's; the command on the PATH is a wrapper that changes the user and ends up here. */
const SCRIPT = "/usr/lib/rabbitmq/bin/rabbitmq-server";

function unavailable(): string | undefined {
  return existsSync(SCRIPT) && Bun.which("epmd") !== null
    ? undefined
    : "rabbitmq-server is not installed (apt-get install rabbitmq-server)";
}

/**
 * A node of its own, all in a temporary folder and on the loopback. Its port mapper is ours too: the one that Erlang starts
 * by itself would stay behind.
 */
async function startRabbitmq(prefix: readonly string[]): Promise<Omit<RunningBroker, "dialect">> {
  const folder = mkdtempSync(join(tmpdir(), "switchyard-bench-rabbitmq-"));
  const plugins = join(folder, "enabled_plugins");
  const configuration = join(folder, "rabbitmq.conf");
  writeFileSync(plugins, "[].\n");
  const port = await freePort();
  const mapperPort = await freePort();
  const distributionPort = await freePort();
  writeFileSync(
    configuration,
    `listeners.tcp.1 = 127.0.0.1:${port}\nlog.console.level = warning\n`,
  );
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: folder,
    ERL_EPMD_ADDRESS: "127.0.0.1",
    ERL_EPMD_PORT: String(mapperPort),
    RABBITMQ_NODENAME: "bench@localhost",
    RABBITMQ_BASE: folder,
    RABBITMQ_MNESIA_BASE: join(folder, "mnesia"),
    RABBITMQ_LOG_BASE: join(folder, "log"),
    RABBITMQ_LOGS: "-",
    RABBITMQ_CONFIG_FILE: configuration,
    RABBITMQ_CONF_ENV_FILE: join(folder, "none"),
    RABBITMQ_ENABLED_PLUGINS_FILE: plugins,
    RABBITMQ_DIST_PORT: String(distributionPort),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
      "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}",
    // The script replaces itself by the node then, so that its process is ours.
    RABBITMQ_ALLOW_INPUT: "true",
    RABBITMQ_SERVER_START_ARGS: "-noinput",
  };
  const logPath = join(folder, "output.log");
  const log = openSync(logPath, "w");
  const io = { cwd: folder, env, stdin: "ignore", stdout: log, stderr: log } as const;
  const mapper = Bun.spawn(["epmd", "-address", "127.0.0.1", "-port", String(mapperPort)], io);
  const node = Bun.spawn([...prefix, SCRIPT], io);
  closeSync(log);
  const stop = async (): Promise<void> => {
    await stopProcess(node);
    await stopProcess(mapper);
    rmSync(folder, { recursive: true, force: true });
  };
  const deadline = performance.now() + READY_MS;
  while (!(await acceptsConnections(port, GREETING))) {
    if (node.exitCode !== null || performance.now() > deadline) {
      const said = readFileSync(logPath, "utf8").slice(-1_500);
      await stop();
      throw new Error(`RabbitMQ did not become ready: ${said}`);
    }
    await Bun.sleep(100);
  }
  return { pid: node.pid, storePid: undefined, port, [Symbol.asyncDispose]: stop };
}

function rabbitmqBroker(queueType: "quorum" | "classic", searchFrom: number): BrokerPeer {
  return {
    name: queueType,
    label: `RabbitMQ ${queueType}`,
    searchFrom,
    unavailable,
    start: async (affinity, cores) => ({
      ...(await startRabbitmq(cores === "two" ? affinity.both : affinity.server)),
      dialect: () => ({ kind: "amqp", queueType }),
    }),
  };
}

export const quorumBroker = rabbitmqBroker("quorum", 5_000);
export const classicBroker = rabbitmqBroker("classic", 4_000);
