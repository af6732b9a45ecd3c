import type { Random } from "../ports/random.ts";

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const epochLength = 8;

/**
 * A name for a new incarnation of a stream: 8 characters, 47 bits, from one draw. Two incarnations of one channel
 * must differ; those of different channels are never compared.
 */
export function newEpoch(random: Random): string {
  let rest = Math.floor(random.next() * alphabet.length ** epochLength);
  let epoch = "";
  for (let i = 0; i < epochLength; i += 1) {
    epoch += alphabet.charAt(rest % alphabet.length);
    rest = Math.floor(rest / alphabet.length);
  }
  return epoch;
}
