import { once } from "node:events";
import { SeededRandom } from "@switchyard/testkit";
import { type Balance, checkHistory } from "./check/check-history.ts";
import type { QueueTerms } from "./check/history.ts";
import { type Violation, violationOf } from "./check/violation.ts";
import { collectDeadLetters, untilEmpty } from "./drain.ts";
import type { FaultName, World } from "./faults/fault.ts";
import { type FaultRecord, faultsFor } from "./faults/fault-schedule.ts";
import { Load } from "./load/load.ts";
import { declareTopology } from "./load/topology.ts";
import { Recorder } from "./recorder.ts";
import type { DatabaseServer } from "./world/database-server.ts";
import { type PlantedBug, ServerUnderTest } from "./world/server-under-test.ts";
import { SwallowingProxy } from "./world/swallowing-proxy.ts";

export interface QueuesRunOptions {
  readonly database: DatabaseServer;
  /** Of the database that the run makes for itself: lower-case letters, digits, underscores. */
  readonly name: string;
  readonly seed: number;
  /** How long things are broken, at least: each fault has its turn. */
  readonly seconds: number;
  readonly faults: readonly FaultName[];
  readonly plantedBug?: PlantedBug | undefined;
  /** Events per second, of all publishers together, about. Default 400. */
  readonly rate?: number;
  /** The longest quiet time between two faults. Default 1,500. */
  readonly quietMs?: number;
  readonly onProgress?: (line: string) => void;
  /** Ends the run early, and throws: Ctrl-C in a terminal ends the servers too, so that nothing can be checked. */
  readonly signal?: AbortSignal | undefined;
}

export interface QueuesReport {
  readonly seed: number;
  readonly seconds: number;
  readonly published: number;
  readonly confirmed: number;
  /** Events with a given id that were sent more than once. */
  readonly repeated: number;
  readonly deliveries: number;
  readonly redeliveries: number;
  readonly balances: readonly Balance[];
  readonly faults: readonly FaultRecord[];
  readonly violations: readonly Violation[];
  /** Of the server's processes, one after the other. */
  readonly log: string;
}

/** Publishes, consumes and breaks things for a while, then drains the queues and checks what everybody saw. */
export async function runQueues(options: QueuesRunOptions): Promise<QueuesReport> {
  const { database, name, seed, seconds, plantedBug } = options;
  const random = new SeededRandom(seed);
  const recorder = new Recorder();
  const databaseUrl = await database.databaseUrl(name);
  await using proxy = await SwallowingProxy.start({
    host: databaseUrl.hostname,
    port: Number(databaseUrl.port),
  });
  const throughProxy = new URL(databaseUrl);
  throughProxy.host = `127.0.0.1:${proxy.port}`;
  await using server = new ServerUnderTest({ databaseUrl: throughProxy.href, plantedBug });
  await server.start();
  const queues = await declareTopology(server, random.fork());
  const world = { database, databaseUrl, proxy, server };
  const faults: FaultRecord[] = [];
  const interrupted = await interruptionOf(options, { world, recorder, random, queues, faults });
  const hasStopped = await server.stop();
  const { violations, balances } =
    interrupted === undefined
      ? checkHistory(recorder.history(queues))
      : { violations: [interrupted], balances: [] };
  const { publishes, deliveries, confirmed } = recorder;
  return {
    seed,
    seconds,
    published: publishes.length,
    confirmed,
    repeated: publishes.filter(({ attempts }) => attempts > 1).length,
    deliveries: deliveries.length,
    redeliveries: deliveries.filter(({ redelivered, attempt }) => redelivered || attempt > 1)
      .length,
    balances,
    faults,
    violations: [
      ...violations,
      ...(hasStopped ? [] : [violationOf("not-stopped", "the server did not end after SIGTERM")]),
    ],
    log: server.log,
  };
}

interface Run {
  readonly world: World;
  readonly recorder: Recorder;
  readonly random: SeededRandom;
  readonly queues: readonly QueueTerms[];
  /** Filled while it goes on. */
  readonly faults: FaultRecord[];
}

/** Runs it all. What is returned has made an end of it before it could be checked: the server does not work any more. */
async function interruptionOf(
  options: QueuesRunOptions,
  { world, recorder, random, queues, faults }: Run,
): Promise<Violation | undefined> {
  const { server, database } = world;
  const { rate = 400, onProgress, signal } = options;
  const ticker = setInterval(() => onProgress?.(progressOf(recorder)), 1_000);
  try {
    await using load = new Load({ server, recorder, random: random.fork(), rate });
    await breakThings(options, { world, recorder, random: random.fork(), queues, faults });
    signal?.throwIfAborted();
    const lasting = faults.find(({ recoveryMs }) => recoveryMs === undefined);
    if (lasting) return violationOf("not-recovered", `no confirm after ${lasting.fault}`);
    await load.stopPublishing();
    load.drain();
    await untilEmpty(server, recorder, queues);
  } catch (error) {
    signal?.throwIfAborted();
    return violationOf("not-recovered", String(error));
  } finally {
    database.thaw();
    clearInterval(ticker);
  }
  await collectDeadLetters(server, recorder);
  return undefined;
}

async function breakThings(
  { seconds, faults: names, quietMs = 1_500, onProgress, signal }: QueuesRunOptions,
  { world, recorder, random, faults }: Run,
): Promise<void> {
  if (names.length === 0) {
    const timeout = AbortSignal.timeout(seconds * 1_000);
    const ending = signal ? AbortSignal.any([timeout, signal]) : timeout;
    if (!ending.aborted) await once(ending, "abort");
    return;
  }
  const onFault = (fault: FaultName): void => onProgress?.(`${progressOf(recorder)}; ${fault}`);
  const schedule = { world, recorder, random, faults: names, quietMs, onFault };
  for await (const record of faultsFor(seconds, schedule, signal)) faults.push(record);
}

function progressOf({ publishes, confirmed, deliveries }: Recorder): string {
  return `${publishes.length} published, ${confirmed} confirmed, ${deliveries.length} delivered`;
}
