import { parseArgs } from "node:util";
import { bunPeer, epollPeer, socketIoPeer, wsPeer } from "./peers/bare-peers.ts";
import { type Peer, type PeerName, peerNames } from "./peers/peer.ts";
import { createSwitchyardPeer } from "./peers/switchyard-peer.ts";

export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** `--name value` flags, all text; unknown ones are refused. */
export function readFlags<Name extends string>(
  args: readonly string[],
  names: readonly Name[],
): Partial<Record<Name, string>> {
  const options = Object.fromEntries(names.map((name) => [name, { type: "string" } as const]));
  try {
    // Every key that parseArgs returns is one of `names`, and every value a string, as `options` says.
    return parseArgs({ args: [...args], options, strict: true }).values as Partial<
      Record<Name, string>
    >;
  } catch (error) {
    throw new UsageError(
      `${error instanceof Error ? error.message : String(error)}. Flags: ${names.map((name) => `--${name}`).join(" ")}`,
    );
  }
}

export function positiveNumber(flag: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0)
    throw new UsageError(`--${flag}: a number above 0, not ${text}`);
  return value;
}

export function positiveNumbers(
  flag: string,
  text: string | undefined,
  fallback: readonly number[],
): readonly number[] {
  return text === undefined
    ? fallback
    : text.split(",").map((part) => positiveNumber(flag, part, 0));
}

export function choices<Name extends string>(
  flag: string,
  text: string | undefined,
  all: readonly Name[],
): readonly Name[] {
  if (text === undefined) return all;
  return text.split(",").map((part) => {
    const found = all.find((name) => name === part);
    if (found === undefined)
      throw new UsageError(`--${flag}: ${part} is none of ${all.join(", ")}`);
    return found;
  });
}

/** The peers named by `--only`, in the order of the tables. */
export function choosePeers(
  only: string | undefined,
  publishVia: "http" | "websocket",
): readonly Peer[] {
  const wanted: ReadonlySet<PeerName> = new Set(choices("only", only, peerNames));
  return [createSwitchyardPeer(publishVia), bunPeer, epollPeer, wsPeer, socketIoPeer].filter(
    ({ name }) => wanted.has(name),
  );
}
