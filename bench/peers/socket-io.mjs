/**
 * Socket.IO on Node, WebSocket transport only: a room per topic. Prints `listening PORT`.
 * The query's `room` is joined; the event `publish` (room, object) is emitted to that room as `m`.
 */
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const io = new Server(http, {
  transports: ["websocket"],
  perMessageDeflate: false,
  serveClient: false,
});

io.on("connection", (socket) => {
  const { room } = socket.handshake.query;
  if (typeof room === "string") void socket.join(room);
  socket.on("publish", (to, message) => io.to(to).emit("m", message));
  socket.emit("ready");
});
http.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () =>
  process.stdout.write(`listening ${http.address().port}\n`),
);
