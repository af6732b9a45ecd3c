import type { BackOff } from "./back-off.ts";
import type { BatchApi, Publish, PublishReply } from "./batch-api.ts";
import type { ChannelOf } from "./channel-template.ts";
import { ReplayError } from "./replay-error.ts";
import type { ReplayLine, ReplayTarget } from "./replay-target.ts";

export interface ChannelTargetOptions {
  readonly channelOf: ChannelOf;
  readonly api: BatchApi;
  readonly backOff: BackOff;
  /** Unique to this run. With the number of the line it is the idempotency key of a publication. */
  readonly runId: string;
}

/** API error codes after which the same publish may succeed later: 100, internal server error. */
const temporaryCodes: ReadonlySet<number> = new Set([100]);
/** Names that are kept for counting; beyond, the count is a lower bound. */
const countedChannels = 100_000;

/**
 * Publishes lines to channels, one batch after the other. A batch without an answer is sent again whole: the
 * server drops what it has published before by its idempotency key. Of an answered batch the lines that failed
 * for the moment are sent again, unless a later line of the same channel has come through: then the order is
 * lost, and the replay ends and says so.
 */
export class ChannelTarget implements ReplayTarget {
  readonly #options: ChannelTargetOptions;
  readonly #channels = new Set<string>();

  constructor(options: ChannelTargetOptions) {
    this.#options = options;
  }

  describe(): string {
    const { size } = this.#channels;
    return `${size >= countedChannels ? "at least " : ""}${size.toLocaleString("en-US")} ${size === 1 ? "channel" : "channels"}`;
  }

  async send(lines: readonly ReplayLine[], signal: AbortSignal): Promise<void> {
    const { api, backOff } = this.#options;
    let left = lines.map((line) => this.#publishOf(line));
    while (left.length > 0) {
      const outcome = await api.publish(left, signal);
      if (outcome.kind === "unknown") {
        await backOff.wait(outcome.reason, signal);
        continue;
      }
      const failed = failedPublishes(left, outcome.replies);
      if (failed.length < left.length) backOff.succeeded();
      left = failed;
      if (left.length > 0) await backOff.wait("error 100", signal);
    }
  }

  #publishOf({ line, values, data }: ReplayLine): LinePublish {
    const channel = this.#options.channelOf(values);
    if (channel === "") throw new ReplayError(`Line ${line}: the name of its channel is empty`);
    if (this.#channels.size < countedChannels) this.#channels.add(channel);
    return { line, channel, data, idempotencyKey: `${this.#options.runId}-${line}` };
  }
}

interface LinePublish extends Publish {
  readonly line: number;
}

/** Those to be sent again, in order. Throws `ReplayError` when that is of no use or would break the order. */
function failedPublishes(
  publishes: readonly LinePublish[],
  replies: readonly PublishReply[],
): LinePublish[] {
  const failed = publishes.filter((publish, index) => {
    const reply = replies[index];
    if (reply?.kind !== "refused") return false;
    if (!temporaryCodes.has(reply.code))
      throw new ReplayError(explainRefusal(publish, reply.code, reply.message));
    return true;
  });
  const firstFailed = new Map<string, number>();
  for (const [index, { channel, line }] of publishes.entries()) {
    if (replies[index]?.kind === "refused") {
      if (!firstFailed.has(channel)) firstFailed.set(channel, line);
      continue;
    }
    const before = firstFailed.get(channel);
    if (before === undefined) continue;
    throw new ReplayError(
      `The server failed at line ${before} and took line ${line} of the same channel (${channel}): the order is lost. With --batch 1 a failure cannot do that.`,
    );
  }
  return failed;
}

function explainRefusal({ line, channel }: LinePublish, code: number, message: string): string {
  if (code !== 102)
    return `Line ${line}: the server refuses the publication to ${channel}: error ${code}, ${message}`;
  const namespace = channel.includes(":") ? channel.slice(0, channel.indexOf(":")) : "";
  return `Line ${line}: the namespace ${namespace} of the channel ${channel} is not configured (error 102). Add it to channel.namespaces of the server.`;
}
