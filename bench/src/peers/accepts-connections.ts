const ANSWER_MS = 2_000;

/** Whether somebody listens on this port of the loopback, and answers to `greeting` when there is one. */
export async function acceptsConnections(port: number, greeting?: string): Promise<boolean> {
  const answered = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => answered.resolve(false), ANSWER_MS);
  try {
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        data: () => answered.resolve(true),
        close: () => answered.resolve(false),
      },
    });
    if (greeting === undefined) answered.resolve(true);
    else socket.write(greeting);
    const isAccepted = await answered.promise;
    socket.end();
    return isAccepted;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}
