import type { Random } from "@switchyard/core";

/** From the operating system's generator: connection ids and sessions must not be guessable. */
export const systemRandom: Random = {
  next: () => Math.random(),
  uuid: () => crypto.randomUUID(),
};
