import { errorTable, type SwitchyardError } from "@switchyard/core";

/** HTTP status of an error in transport mode, by code. Any other code: 500. */
const transportStatuses: ReadonlyMap<number, number> = new Map([
  [102, 404],
  [104, 404],
  [107, 400],
  [108, 400],
  [112, 416],
  [113, 409],
]);

/** This API's text for 104, where the client protocol says "method not found". */
const notFoundMessage = errorTable.nodeUnknown.message;

/** `{"code","message"}` and nothing else: some SDKs refuse unknown members. What exactly was wrong goes to the log and into a header. */
export function apiErrorJson({ row }: SwitchyardError): string {
  const message = row.code === 104 ? notFoundMessage : row.message;
  return `{"code":${row.code},"message":${JSON.stringify(message)}}`;
}

export function transportStatus(error: SwitchyardError): number {
  return transportStatuses.get(error.row.code) ?? 500;
}
