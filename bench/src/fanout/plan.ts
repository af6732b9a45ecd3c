import type { Load } from "../load-session.ts";
import { choices, choosePeers, positiveNumber, positiveNumbers, readFlags } from "../options.ts";
import type { Peer, PeerName } from "../peers/peer.ts";

const FLAGS = ["only", "parts", "subscribers", "rates", "seconds", "users", "publish-via"] as const;
const PARTS = ["rates", "history", "saturation", "large", "targeted"] as const;
export type Part = (typeof PARTS)[number];

const LARGE_SUBSCRIBERS = 10_000;
export const LARGE_RATE = 50;
export const CONNECTIONS_PER_USER = 3;
/** 18,000 sockets: what fits, on both sides, into a limit of 20,000 open files per process. */
const USERS = 6_000;
/** 60,000 deliveries per second, the figure to reach, when each user has three connections. */
const TARGETED_RATE = 20_000;
/** Peers for which 500,000 deliveries per second are not hopeless. */
const FAST: readonly PeerName[] = ["switchyard", "bun", "epoll"];

export interface Plan {
  readonly peers: readonly Peer[];
  readonly parts: readonly Part[];
  readonly subscribers: number;
  readonly rates: readonly number[];
  readonly seconds: number;
  readonly users: number;
  readonly publishVia: "http" | "websocket";
}

/** @throws UsageError */
export function readPlan(args: readonly string[]): Plan {
  const flags = readFlags(args, FLAGS);
  const publishVia =
    choices("publish-via", flags["publish-via"] ?? "http", ["http", "websocket"])[0] ?? "http";
  return {
    peers: choosePeers(flags.only, publishVia),
    parts: choices("parts", flags.parts, PARTS),
    subscribers: positiveNumber("subscribers", flags.subscribers, 1_000),
    rates: positiveNumbers("rates", flags.rates, [700, 1_500]),
    seconds: positiveNumber("seconds", flags.seconds, 3),
    users: positiveNumber("users", flags.users, USERS),
    publishVia,
  };
}

export function loadOf(part: Part, plan: Plan): Load {
  switch (part) {
    case "rates":
    case "saturation":
      return { subscribers: plan.subscribers, topics: 1, addressing: "channel" };
    case "history":
      return { subscribers: plan.subscribers, topics: 1, addressing: "history" };
    case "large":
      return { subscribers: LARGE_SUBSCRIBERS, topics: 1, addressing: "channel" };
    case "targeted":
      return {
        subscribers: plan.users * CONNECTIONS_PER_USER,
        topics: plan.users,
        addressing: "personal",
      };
  }
}

/** Who is measured in this part: a hopeless overload of slow servers would only cost time. */
export function peersOf(part: Part, plan: Plan): readonly Peer[] {
  if (part === "rates" || part === "saturation") return plan.peers;
  if (part === "history") return plan.peers.filter(({ name }) => name === "switchyard");
  return plan.peers.filter(({ name }) => FAST.includes(name));
}

/** Publications per second that are offered, one measurement each; none where they are searched. */
export function ratesOf(part: Part, plan: Plan): readonly number[] {
  switch (part) {
    case "rates":
    case "history":
      return plan.rates;
    case "saturation":
      return [];
    case "large":
      return [LARGE_RATE];
    case "targeted":
      return [TARGETED_RATE / 2, TARGETED_RATE];
  }
}
