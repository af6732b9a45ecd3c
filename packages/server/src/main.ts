import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Broker, createMemoryBus, Hub, HubOperations, type Log, nodeId } from "@switchyard/core";
import {
  Database,
  EmbeddedPostgres,
  migrate,
  PostgresQueueStore,
  PostgresStreamStore,
  PostgresTopologyStore,
} from "@switchyard/postgres";
import type { Hono } from "hono";
import { Registry } from "prom-client";
import manifest from "../package.json" with { type: "json" };
import { createAddressList } from "./auth/address-list.ts";
import { createAuthenticator } from "./auth/authenticator.ts";
import { addBrokerMethods } from "./broker/broker-methods.ts";
import { publisherToChannels } from "./broker/channel-publisher.ts";
import type { Config } from "./config/declaration.ts";
import { createHostCheck } from "./config/host-check.ts";
import { hubOptions, nodeName } from "./config/hub-options.ts";
import { createOriginCheck } from "./config/origin-check.ts";
import { createBrokerPage } from "./dev/broker-page.ts";
import { createDevPages } from "./dev/dev-pages.ts";
import { createClientEdges } from "./edges/client-edges.ts";
import { createApp } from "./http/app.ts";
import { HttpListener } from "./http/http-listener.ts";
import { createOperatorRoutes } from "./http/operator-routes.ts";
import type { Component } from "./lifecycle/component.ts";
import { insist } from "./lifecycle/insist.ts";
import { Lifecycle } from "./lifecycle/lifecycle.ts";
import { stopSignal } from "./lifecycle/stop-signal.ts";
import { plantedBugOf } from "./planted-bug.ts";
import { systemClock } from "./system-clock.ts";
import { systemRandom } from "./system-random.ts";
import { DepartureCollection } from "./telemetry/departure-collection.ts";
import { EventLoopDelay } from "./telemetry/event-loop-delay.ts";
import { registerBrokerMetrics } from "./telemetry/broker-metrics.ts";
import { createLog } from "./telemetry/log.ts";
import {
  countUncheckedTokens,
  createHubMetrics,
  gauge,
  registerHubGauges,
  registerMemoryBusGauges,
  registerProcessGauges,
} from "./telemetry/metrics.ts";

/**
 * Runs the server until it is told to stop: everything is built here by hand, from the store up to the edges.
 * Secrets in `config` are resolved. Throws when a part cannot start.
 */
export async function serve(config: Config): Promise<void> {
  const log = createLog(config.log);
  const clock = systemClock;
  const random = systemRandom;
  await mkdir(config.dataDir, { recursive: true });

  // The store: PostgreSQL, embedded unless a URL is given.
  const embedded =
    config.database.url === undefined
      ? new EmbeddedPostgres({
          directory: join(config.dataDir, "postgres"),
          ownFolderAbove: config.dataDir,
          log,
        })
      : undefined;
  const database = new Database({ url: () => config.database.url ?? embedded?.url ?? "", log });
  const migrations: Component = {
    name: "migrations",
    start: async () => {
      await migrate(database, { apply: config.database.migrate, log });
    },
    stop: async () => {},
  };

  // The bus: one node, in memory. Its streams survive a planned restart in the store.
  const store = new PostgresStreamStore({ database, node: nodeName(config) });
  const bus = createMemoryBus({
    clock,
    random,
    node: nodeId(random.uuid()),
    store,
    historyBytes: config.bus.historyBytes,
  });

  // The hub: connections, channels, subscriptions.
  const registry = new Registry();
  const observer = createHubMetrics(registry);
  const authenticator = createAuthenticator(config.token, {
    clock,
    log,
    onUnchecked: countUncheckedTokens(registry),
  });
  const hub = new Hub({
    bus,
    authenticator,
    clock,
    random,
    log,
    observer,
    options: hubOptions(config, manifest.version),
  });
  const operations = new HubOperations(hub.services);

  // The broker: exchanges and queues, all of it in the store.
  const queueStore = new PostgresQueueStore({ database, log });
  const broker = new Broker({
    store: queueStore,
    topology: new PostgresTopologyStore({ database }),
    publishToChannel: publisherToChannels(operations),
    clock,
    random,
    log,
    node: nodeName(config),
    leaseMs: config.broker.leaseMs,
    confirmTimeoutMs: config.broker.confirmTimeoutMs,
    idWindowMs: config.broker.idWindowMs,
    maxPendingBytes: config.broker.pendingBytes,
    channelValue: channelValue(config),
    plantedBug: plantedBugOf(process.env, log),
  });
  addBrokerMethods(hub.methods, { broker, clock, random, log });

  // The edges: transports for clients, the API for backends, pages for people.
  const edges = createClientEdges({
    hub,
    limits: config.client.limits,
    allowsHost: createHostCheck(config),
    allowsOrigin: createOriginCheck(config),
    isTrustedGateway: createAddressList(config.trustedGateway.addresses),
    clock,
    random,
    log,
  });
  const eventLoopDelay = new EventLoopDelay();
  registerHubGauges(registry, hub.services);
  registerMemoryBusGauges(registry, bus);
  registerBrokerMetrics(registry, broker);
  registerProcessGauges(registry, eventLoopDelay);
  const operatorRoutes = createOperatorRoutes(registry);
  let draining = false;
  const app = createApp({
    config,
    log,
    hub,
    operations,
    broker,
    operatorRoutes,
    checks: [
      { name: "store", check: (timeoutMs) => database.check(timeoutMs) },
      { name: "bus", check: (timeoutMs) => bus.check(timeoutMs) },
      { name: "broker", check: () => broker.check() },
    ],
    draining: () => draining,
    pages: config.dev ? devPages(config, { broker, log, draining: () => draining }) : undefined,
  });
  const listener = new HttpListener({ config, log, edges, app, operatorRoutes });
  gauge(
    registry,
    "switchyard_websockets",
    "WebSockets that the runtime holds open.",
    () => listener.webSockets,
  );

  const lifecycle = new Lifecycle(
    [
      eventLoopDelay,
      new DepartureCollection(hub.services.connections, log),
      ...(embedded ? [embedded] : []),
      database,
      migrations,
      {
        name: "bus",
        start: () => hub.start(),
        drain: () => {
          draining = true;
          // The embedded database may be coming back from a crash at this moment.
          return insist(() => bus.drain(), { clock, patienceMs: config.shutdown.deadlineMs / 2 });
        },
        drainLoss:
          "the streams are not kept; channels begin new epochs at the next start, which tells clients that they may have missed something",
        stop: async () => {
          hub.stop();
          await bus.stop();
        },
      },
      {
        name: "broker",
        start: () => broker.start(),
        drain: () => broker.drain(),
        drainLoss: "what publishers were not told is confirmed may not be stored",
        stop: async () => {
          await broker.stop();
          queueStore.stop();
        },
      },
      {
        name: "connections",
        start: async () => {},
        drain: () => hub.drain({ spreadMs: config.shutdown.spreadMs }),
        stop: async () => {},
      },
      listener,
    ],
    log,
  );
  await runUntilStopped(lifecycle, config, log, listener);
}

function channelValue({ broker }: Config): RegExp | undefined {
  return broker.channelValue === undefined ? undefined : new RegExp(`^(?:${broker.channelValue})$`);
}

interface DevPageParts {
  readonly broker: Broker;
  readonly log: Log;
  readonly draining: () => boolean;
}

function devPages(config: Config, { broker, log, draining }: DevPageParts): Hono {
  const { secret = "", audience, issuer } = config.token;
  const pages = createDevPages({
    token: { secret, audience, issuer },
    isOriginAllowed: createOriginCheck(config),
    namespaces: config.channel.namespaces.map(({ name }) => name),
    version: manifest.version,
    clock: systemClock,
    random: systemRandom,
    log,
  });
  return pages.route(
    "/",
    createBrokerPage({
      broker,
      log,
      random: systemRandom,
      draining,
      maxBodyBytes: config.api.bodyBytes,
      version: manifest.version,
    }),
  );
}

async function runUntilStopped(
  lifecycle: Lifecycle,
  config: Config,
  log: Log,
  listener: HttpListener,
): Promise<void> {
  const asked = stopSignal();
  const began = performance.now();
  const started = lifecycle.start();
  const early = await Promise.race([asked, started.then(() => undefined)]);
  await started;
  if (early === undefined) {
    log.info(
      {
        url: listener.url,
        dev: config.dev,
        version: manifest.version,
        ms: Math.round(performance.now() - began),
      },
      "ready",
    );
  }
  const signal = early ?? (await asked);
  log.info({ signal, spreadMs: config.shutdown.spreadMs }, "stopping");
  await lifecycle.stop(config.shutdown.deadlineMs);
  log.info({}, "stopped");
}
