/**
 * Bare `ws` on Node: a set of sockets per topic, one send per subscriber. Prints `listening PORT`.
 * Paths: `/tNNNNNNN` subscribes to that topic; messages of `/publish0` are topic (8 characters) and payload.
 */
import { WebSocketServer } from "ws";

/** @type {Map<string, Set<import("ws").WebSocket>>} */
const topics = new Map();
const server = new WebSocketServer({
  host: "127.0.0.1",
  port: 0,
  perMessageDeflate: false,
  clientTracking: false,
  backlog: 4096,
});

server.on("connection", (socket, request) => {
  const path = (request.url ?? "/").slice(1);
  if (path === "publish0") {
    socket.on("message", (message) => {
      const text = Buffer.isBuffer(message) ? message.toString() : "";
      const payload = Buffer.from(text.slice(8));
      for (const subscriber of topics.get(text.slice(0, 8)) ?? [])
        subscriber.send(payload, { binary: false });
    });
  } else {
    const subscribers = topics.get(path) ?? new Set();
    topics.set(path, subscribers.add(socket));
    socket.on("close", () => {
      subscribers.delete(socket);
      if (subscribers.size === 0) topics.delete(path);
    });
  }
  socket.on("error", () => socket.terminate());
  socket.send("ready");
});
server.on("listening", () => process.stdout.write(`listening ${server.address().port}\n`));
