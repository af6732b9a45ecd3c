/** Why the server ends a subscription (protocol 5.3). Clients resubscribe when the code is 2500 or above. */
export interface Unsubscribe {
  readonly code: number;
  readonly reason: string;
}

export const unsubscribes = {
  server: { code: 2000, reason: "server unsubscribe" },
  insufficientState: { code: 2500, reason: "insufficient state" },
  expired: { code: 2501, reason: "subscription expired" },
  stateInvalidated: { code: 2502, reason: "state invalidated" },
} as const satisfies Record<string, Unsubscribe>;
