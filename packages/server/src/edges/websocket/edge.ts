import { jsonCodec } from "@switchyard/protocol";
import type { WebSocketHandler } from "bun";
import { connectionRequest } from "../connection-request.ts";
import type { Edge, EdgeAnswer, EdgeOptions, EdgeServer } from "../edge-options.ts";
import { notAccepting, protobufRefusal, refusal } from "../refusal.ts";
import type { WebSocketFanOut } from "./fan-out.ts";
import { WebSocketLink } from "./link.ts";

const jsonSubprotocol = "centrifuge-json";
const protobufSubprotocol = "centrifuge-protobuf";

/** `/connection/websocket`: upgrades (protocol 1.1, 6.5, 13.1). */
export function createWebSocketEdge(options: EdgeOptions, fanOut: WebSocketFanOut): Edge {
  return {
    methods: ["GET"],
    answer(request: Request, server: EdgeServer): EdgeAnswer {
      const query = new URL(request.url).searchParams;
      if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
        return refusal(426, "This endpoint speaks WebSocket only.", {
          Upgrade: "websocket",
          Connection: "Upgrade",
        });
      }
      const offered = (request.headers.get("sec-websocket-protocol") ?? "")
        .split(",")
        .map((name) => name.trim());
      const wantsProtobuf =
        offered.includes(protobufSubprotocol) && !offered.includes(jsonSubprotocol);
      if (
        wantsProtobuf ||
        query.get("format") === "protobuf" ||
        query.get("cf_protocol") === "protobuf"
      ) {
        return protobufRefusal();
      }
      if (!options.hub.accepting) return notAccepting();
      const nativePing = query.get("cf_ws_frame_ping_pong") === "true";
      const data = new WebSocketLink(
        fanOut,
        jsonCodec,
        connectionRequest(request, server, options),
        nativePing,
      );
      // Left alone, Bun echoes the first subprotocol offered, whichever it is; an empty one suppresses that.
      const chosen = offered.includes(jsonSubprotocol) ? jsonSubprotocol : "";
      if (server.upgrade(request, { data, headers: { "Sec-WebSocket-Protocol": chosen } }))
        return "upgraded";
      return refusal(400, "Not a valid WebSocket handshake (RFC 6455 section 4.2.1).");
    },
  };
}

/** The `websocket` member of `Bun.serve`. */
export function webSocketHandler({ hub, limits }: EdgeOptions): WebSocketHandler<WebSocketLink> {
  return {
    maxPayloadLength: Math.max(limits.frameBytes, limits.frameBytesBeforeConnect),
    backpressureLimit: limits.queueBytes,
    // Without it Bun drops frames of a full socket silently and leaves it open.
    closeOnBackpressureLimit: true,
    // The hub pings. An idle timeout would also delay the end of closed sockets, see WebSocketLink.
    idleTimeout: 0,
    sendPings: false,
    perMessageDeflate: false,
    open: (socket) => {
      socket.data.opened(socket, hub);
    },
    message: (socket, message) => {
      socket.data.received(message);
    },
    pong: (socket) => {
      socket.data.ponged();
    },
    drain: (socket) => {
      socket.data.drained();
    },
    close: (socket, code, reason) => {
      socket.data.closed(code, reason);
    },
  };
}
