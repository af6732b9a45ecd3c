/** Opcodes of RFC 6455 section 5.2 that servers send to us. */
export const Opcode = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/**
 * A client frame with the masking key 0: legal (any four bytes are), and the payload goes out as it is, so that masking costs
 * the generator nothing. The server unmasks it like any other.
 */
export function encodeClientFrame(opcode: number, payload: Uint8Array): Uint8Array {
  const length = payload.length;
  const header = length < 126 ? 6 : length < 65_536 ? 8 : 14;
  const frame = new Uint8Array(header + length);
  frame[0] = 0x80 | opcode;
  if (length < 126) {
    frame[1] = 0x80 | length;
  } else if (length < 65_536) {
    frame[1] = 0x80 | 126;
    frame[2] = length >>> 8;
    frame[3] = length & 0xff;
  } else {
    frame[1] = 0x80 | 127;
    new DataView(frame.buffer).setBigUint64(2, BigInt(length));
  }
  frame.set(payload, header);
  return frame;
}

const encoder = new TextEncoder();

export function encodeTextFrame(text: string): Uint8Array {
  return encodeClientFrame(Opcode.text, encoder.encode(text));
}

export function encodeUpgradeRequest(host: string, path: string): Uint8Array {
  return encoder.encode(
    `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Key: c3dpdGNoeWFyZC1iZW5jaA==\r\nSec-WebSocket-Version: 13\r\n\r\n`,
  );
}
