import {
  type Codec,
  type Command,
  type Disconnect,
  disconnects,
  ProtocolError,
} from "@switchyard/protocol";

export type DecodedFrame =
  | { readonly commands: readonly Command[] }
  | { readonly disconnect: Disconnect; readonly why: string };

const encoder = new TextEncoder();

/** A frame's commands, or why the connection must end (protocol 1.5). `maxBytes` counts UTF-8. */
export function decodeFrame(frame: string, codec: Codec, maxBytes: number): DecodedFrame {
  if (isLonger(frame, maxBytes))
    return { disconnect: disconnects.frameTooBig, why: `more than ${maxBytes} bytes` };
  try {
    return { commands: codec.decode(frame) };
  } catch (error) {
    if (error instanceof ProtocolError)
      return { disconnect: disconnects.badRequest, why: error.message };
    throw error;
  }
}

/** A UTF-16 unit is one to three bytes of UTF-8, so that most frames need no counting. */
function isLonger(text: string, maxBytes: number): boolean {
  if (text.length > maxBytes) return true;
  return text.length * 3 > maxBytes && encoder.encode(text).length > maxBytes;
}
