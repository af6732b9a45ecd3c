import { type Codec, InappropriatePayload, type Push } from "@switchyard/protocol";
import type { FanOut, Frame } from "../ports/fan-out.ts";
import type { ChannelMember } from "./channel-member.ts";

/** The members of a channel that share a transport and an encoding, and so a native topic. */
interface Audience {
  readonly fanOut: FanOut;
  readonly codec: Codec;
  readonly topic: string;
  size: number;
}

/**
 * Counts who listens on a set of topics, one per (transport, encoding), and publishes one frame to each: encode once
 * per encoding, publish once per topic, never a loop over links.
 */
export class Audiences {
  readonly #purpose: string;
  readonly #channel: string;
  readonly #audiences: Audience[] = [];

  /** `purpose` tells apart the topics of one channel. */
  constructor(purpose: ":" | "~", channel: string) {
    this.#purpose = purpose;
    this.#channel = channel;
  }

  get size(): number {
    let size = 0;
    for (const audience of this.#audiences) size += audience.size;
    return size;
  }

  add(member: ChannelMember): void {
    const { fanOut } = member.link;
    let audience = this.#audiences.find(
      (known) => known.fanOut === fanOut && known.codec === member.codec,
    );
    if (!audience) {
      audience = {
        fanOut,
        codec: member.codec,
        topic: `${member.codec.encoding}${this.#purpose}${this.#channel}`,
        size: 0,
      };
      this.#audiences.push(audience);
    }
    audience.size += 1;
    member.link.join(audience.topic);
  }

  remove(member: ChannelMember): void {
    const { fanOut } = member.link;
    const audience = this.#audiences.find(
      (known) => known.fanOut === fanOut && known.codec === member.codec,
    );
    if (!audience) return;
    audience.size -= 1;
    member.link.leave(audience.topic);
  }

  /**
   * Hands `push` to everybody. `onDelivered` is told about each topic; `onInappropriate` about an encoding in which
   * the payload cannot be written.
   */
  publish(
    push: Push,
    onDelivered: (fanOut: FanOut, size: number, frame: Frame) => void,
    onInappropriate: (codec: Codec) => void,
  ): void {
    let encodedBy: Codec | undefined;
    let frame: string | undefined;
    for (const audience of this.#audiences) {
      if (audience.size === 0) continue;
      if (audience.codec !== encodedBy) {
        encodedBy = audience.codec;
        frame = encode(audience.codec, push);
        if (frame === undefined) onInappropriate(audience.codec);
      }
      if (frame === undefined) continue;
      audience.fanOut.publish(audience.topic, frame);
      onDelivered(audience.fanOut, audience.size, frame);
    }
  }
}

function encode(codec: Codec, push: Push): string | undefined {
  try {
    return codec.push(push);
  } catch (error) {
    if (error instanceof InappropriatePayload) return undefined;
    throw error;
  }
}
