import type { ClientSocket } from "./client-socket.ts";

/** Handshakes under way at a time: below the usual listen backlog. */
const OPENING_AT_ONCE = 256;

const handlers = {
  open: (socket: Bun.Socket<ClientSocket>) => socket.data.opened(socket),
  data: (socket: Bun.Socket<ClientSocket>, chunk: Uint8Array) => socket.data.data(chunk),
  drain: (socket: Bun.Socket<ClientSocket>) => socket.data.drained(),
  close: (socket: Bun.Socket<ClientSocket>) => socket.data.closed("connection lost"),
  error: (socket: Bun.Socket<ClientSocket>, error: Error) => socket.data.closed(error.message),
  connectError: (socket: Bun.Socket<ClientSocket>, error: Error) =>
    socket.data.closed(error.message),
} as const;

/**
 * Opens `count` sockets to the port, each made by `create`, and resolves when all are live.
 * @throws Error with the first failure's reason and how many were live by then.
 */
export function openSockets(
  port: number,
  count: number,
  create: (index: number, settled: (failure: string | undefined) => void) => ClientSocket,
): Promise<ClientSocket[]> {
  return new Promise((resolve, reject) => {
    const sockets: ClientSocket[] = [];
    let live = 0;
    const next = (): void => {
      const index = sockets.length;
      if (index >= count) return;
      const socket = create(index, (failure) => {
        if (failure !== undefined) {
          reject(new Error(`socket ${index + 1} of ${count} (${live} live): ${failure}`));
          return;
        }
        live += 1;
        if (live === count) resolve(sockets);
        else next();
      });
      sockets.push(socket);
      Bun.connect({ hostname: "127.0.0.1", port, data: socket, socket: handlers }).catch(
        (error: unknown) => {
          socket.closed(error instanceof Error ? error.message : String(error));
        },
      );
    };
    if (count === 0) resolve(sockets);
    for (let opening = 0; opening < Math.min(count, OPENING_AT_ONCE); opening += 1) next();
  });
}
