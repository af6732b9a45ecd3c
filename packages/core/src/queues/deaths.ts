import { type JsonText, toJsonText } from "@switchyard/protocol";
import type { DeathReason, DeathRecord } from "./death-record.ts";
import type { Message } from "./message.ts";

/** Records that a message keeps; the oldest ones go. */
const recordsKept = 20;

/** Latest first. */
export function parseDeaths(deaths: JsonText | undefined): readonly DeathRecord[] {
  // Written by `addDeath` alone.
  return deaths === undefined ? [] : (JSON.parse(deaths) as DeathRecord[]);
}

/** The history of `message` with one more death. */
export function addDeath(message: Message, reason: DeathReason, time: number): JsonText {
  const { name } = message.home;
  const { exchange, key } = message.event;
  const former = parseDeaths(message.deaths);
  const same = former.find((record) => record.queue === name && record.reason === reason);
  const latest = { queue: name, reason, time, count: (same?.count ?? 0) + 1, exchange, key };
  return toJsonText([latest, ...former.filter((record) => record !== same)].slice(0, recordsKept));
}

/**
 * Whether `message` would come back to `queue` without anybody having rejected it on the way: by expiry or overflow
 * alone, again and again.
 */
export function isLoop(message: Message, reason: DeathReason, queue: string): boolean {
  if (!isAutomatic(reason)) return false;
  if (message.home.name === queue) return true;
  const former = parseDeaths(message.deaths);
  const at = former.findIndex((record) => record.queue === queue);
  return at >= 0 && former.slice(0, at + 1).every((record) => isAutomatic(record.reason));
}

function isAutomatic(reason: DeathReason): boolean {
  return reason === "expired" || reason === "maxlen";
}
