/** Bytes of one publication, without any server's envelope. */
export const PAYLOAD_BYTES = 120;

/** Stands before the time stamp, exactly once in each payload. */
const MARKER = '"t":"';
const STAMP_DIGITS = 16;
const MARKER_BYTES = new TextEncoder().encode(MARKER);
const FILLER = "x".repeat(PAYLOAD_BYTES - `{${MARKER}${"0".repeat(STAMP_DIGITS)}","p":""}`.length);

/** A JSON object of exactly PAYLOAD_BYTES that carries its intended send time (microseconds of the generator's clock). */
export function encodePayload(intendedMicros: number): string {
  return `{${MARKER}${Math.floor(intendedMicros).toString().padStart(STAMP_DIGITS, "0")}","p":"${FILLER}"}`;
}

/** Index of the next stamp's first digit in [from, end), or -1. */
export function findStamp(bytes: Uint8Array, from: number, end: number): number {
  const last = end - MARKER_BYTES.length - STAMP_DIGITS;
  for (let at = from; at <= last; at += 1) {
    if (
      bytes[at + 1] === MARKER_BYTES[1] &&
      bytes[at] === MARKER_BYTES[0] &&
      bytes[at + 2] === MARKER_BYTES[2] &&
      bytes[at + 3] === MARKER_BYTES[3] &&
      bytes[at + 4] === MARKER_BYTES[4]
    ) {
      return at + MARKER_BYTES.length;
    }
  }
  return -1;
}

/** Whether a stamp starts at `at`: lets a reader try the place where the last one was before it searches. */
export function isStampAt(bytes: Uint8Array, at: number, end: number): boolean {
  return (
    at + STAMP_DIGITS <= end &&
    bytes[at - 1] === MARKER_BYTES[4] &&
    bytes[at - 2] === MARKER_BYTES[3] &&
    bytes[at - 4] === MARKER_BYTES[1]
  );
}

/** Microseconds of the generator's clock. */
export function readStamp(bytes: Uint8Array, at: number): number {
  let micros = 0;
  for (let index = at; index < at + STAMP_DIGITS; index += 1)
    micros = micros * 10 + (bytes[index] ?? 48) - 48;
  return micros;
}
