/** A connection of the Centrifuge client protocol v2 in JSON, as little of it as publishers and consumers need. */
export class SwitchyardSocket {
  readonly #socket: WebSocket;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  /**
   * @param lines Receives every frame: replies and pushes, divided by newlines.
   * @param lost Called when the connection ends.
   */
  static async open(
    port: number,
    token: string,
    frame: (text: string) => void,
    lost: (reason: string) => void,
  ): Promise<SwitchyardSocket> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/connection/websocket`);
    const opened = Promise.withResolvers<void>();
    socket.addEventListener("open", () =>
      socket.send(JSON.stringify({ id: 1, connect: { token } })),
    );
    let isOpen = false;
    socket.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
      if (typeof data !== "string") return;
      if (data === "{}") {
        socket.send("{}"); // a ping, and its pong
      } else if (isOpen) {
        frame(data);
      } else if (data.startsWith('{"id":1,"connect":')) {
        isOpen = true;
        opened.resolve();
      } else {
        opened.reject(new Error(`not connected: ${data.slice(0, 300)}`));
      }
    });
    socket.addEventListener("close", ({ code, reason }) => {
      opened.reject(new Error(`closed by the server: ${code} ${reason}`));
      lost(`closed by the server: ${code} ${reason}`);
    });
    await opened.promise;
    return new SwitchyardSocket(socket);
  }

  send(text: string): void {
    this.#socket.send(text);
  }
}
