/**
 * Bare Bun: native topics and nothing else. Prints `listening PORT`.
 * Paths: `/tNNNNNNN` subscribes to that topic; messages of `/publish0` are topic (8 characters) and payload.
 */
const server = Bun.serve<string>({
  hostname: "127.0.0.1",
  port: 0,
  fetch(request, self) {
    const path = new URL(request.url).pathname.slice(1);
    return self.upgrade(request, { data: path })
      ? undefined
      : new Response("upgrade required", { status: 426 });
  },
  websocket: {
    perMessageDeflate: false,
    backpressureLimit: 1024 * 1024,
    closeOnBackpressureLimit: true,
    idleTimeout: 0,
    sendPings: false,
    open(socket) {
      if (socket.data !== "publish0") socket.subscribe(socket.data);
      socket.send("ready");
    },
    message(_socket, message) {
      if (typeof message === "string") server.publish(message.slice(0, 8), message.slice(8));
    },
  },
});
process.stdout.write(`listening ${server.port}\n`);
