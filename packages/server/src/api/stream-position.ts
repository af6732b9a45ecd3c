import type { StreamPosition } from "@switchyard/core";
import { type RequestFields, uint64 } from "./request-fields.ts";

/** `{"offset","epoch"}`; undefined when not given. */
export function readPosition(fields: RequestFields, name: string): StreamPosition | undefined {
  const position = fields.object(name);
  return (
    position && { offset: position.integer("offset", uint64), epoch: position.string("epoch") }
  );
}
