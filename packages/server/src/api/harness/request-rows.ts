import { expect, test } from "bun:test";
import { apiHarness } from "./api-harness.ts";
import type { RecordedCall } from "./scripted-operations.ts";

/** A request, the operations it leads to, and its answer (default: an empty result). */
export type RequestRow = [
  what: string,
  method: string,
  body: unknown,
  calls: RecordedCall[],
  answer?: string,
];

export const badRequest = '{"error":{"code":107,"message":"bad request"}}';
export const anonymous = { kind: "user", user: "", client: "", session: "" };
export const user42 = { ...anonymous, user: "42" };

export function testRequests(rows: readonly RequestRow[]): void {
  test.each([...rows])("%s: %s", async (_, method, body, calls, answer = '{"result":{}}') => {
    const api = apiHarness();
    expect(await api.post(`/api/${method}`, body)).toEqual([200, answer]);
    expect(api.calls).toEqual(calls);
  });
}
