import type { ServerOperations } from "@switchyard/core";

/** One call: the operation's name and its arguments. */
export type RecordedCall = readonly [operation: string, ...args: unknown[]];

/** Stands for the hub at the port's boundary: records every call and answers as a test says, else with next to nothing. */
export interface ScriptedOperations {
  readonly operations: ServerOperations;
  readonly calls: RecordedCall[];
}

export function scriptedOperations(answers: Partial<ServerOperations> = {}): ScriptedOperations {
  const calls: RecordedCall[] = [];
  const plain: ServerOperations = {
    publish: async () => ({ position: undefined }),
    subscribe: async () => {},
    unsubscribe: async () => {},
    disconnect: async () => {},
    refresh: async () => {},
    send: async () => 0,
    presence: async () => new Map(),
    presenceStats: async () => ({ connections: 0, users: 0 }),
    history: async () => ({ publications: [], top: { offset: 0, epoch: "e" } }),
    removeHistory: async () => {},
    channels: async () => new Map(),
    info: async () => [],
    rpc: async () => undefined,
    connections: async () => [],
    usersOnline: async () => new Map(),
  };
  const scripted = { ...plain, ...answers };
  const recorded = Object.entries(scripted).map(([name, run]) => [
    name,
    // Each entry is a method of the port; its arguments are passed on as they came.
    (...args: unknown[]) => {
      calls.push([name, ...args]);
      return (run as (...args: unknown[]) => unknown)(...args);
    },
  ]);
  // The same members with the same signatures, each wrapped.
  return { operations: Object.fromEntries(recorded) as ServerOperations, calls };
}
