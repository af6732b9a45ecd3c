import { fanOutContract, type FanOutFixture, type LinkPeer } from "@switchyard/testkit";
import { startEdges } from "./harness/edge-server.ts";
import { RawStream } from "./harness/raw-stream.ts";
import { RawWebSocket } from "./harness/raw-web-socket.ts";
import type { ScriptedConnection } from "./harness/scripted-hub.ts";
import { until } from "./harness/until.ts";

const queueBytes = 1_048_576;

/** Bytes of a stream so far as frames, and the code of the disconnect push that ended it. */
interface PeerView {
  frames(): readonly string[];
  ended(): Promise<number | undefined>;
}

function engine(
  index: number,
  connect: (port: number) => Promise<PeerView & Pick<RawWebSocket, "raw">>,
) {
  return {
    create: async (): Promise<FanOutFixture> => {
      const fixture = startEdges({
        limits: { queueBytes, frameBytes: 65_536, frameBytesBeforeConnect: 65_536 },
      });
      const fanOut = fixture.edges.fanOuts[index];
      if (fanOut === undefined) throw new Error("no such transport");
      const sockets: { destroy(): void }[] = [];
      return {
        fanOut,
        queueBytes,
        open: async () => {
          const opening = fixture.hub.connection(sockets.length);
          // The connect reply of a real hub: without a byte the head of a stream does not leave either.
          fixture.hub.onOpen = (connection) => connection.link.send("hello");
          const view = await connect(fixture.port);
          sockets.push(view.raw);
          const connection = await opening;
          await until(() => view.frames().length > 0);
          return linkPeer(connection, view);
        },
        dispose: async () => {
          for (const socket of sockets) socket.destroy();
          await fixture[Symbol.asyncDispose]();
        },
      };
    },
  };
}

function linkPeer(
  connection: ScriptedConnection,
  view: PeerView & Pick<RawWebSocket, "raw">,
): LinkPeer {
  const received = () => view.frames().slice(1);
  return {
    link: connection.link,
    received: async (count) => {
      await until(() => received().length >= count);
      return received();
    },
    ended: () => view.ended(),
    stopReading: () => view.raw.stopReading(),
    resumeReading: () => view.raw.resumeReading(),
    vanish: async () => {
      view.raw.reset();
      await until(() => connection.closings.length > 0);
    },
  };
}

/** Separates the disconnect push, an HTTP transport's own close frame, from the frames before. */
function streamView(
  stream: RawStream,
  unwrap: (piece: string) => string,
): PeerView & Pick<RawStream, "raw"> {
  const isFarewell = (frame: string) => frame.startsWith('{"push":{"disconnect":');
  const all = () => stream.pieces().map(unwrap);
  return {
    raw: stream.raw,
    frames: () => all().filter((frame) => !isFarewell(frame)),
    ended: async () => {
      await stream.end();
      const farewell = all().find(isFarewell);
      return farewell === undefined ? undefined : Number(/"code":(\d+)/.exec(farewell)?.[1]);
    },
  };
}

fanOutContract(
  "WebSocket fan-out",
  engine(0, async (port) => {
    const socket = await RawWebSocket.open(port);
    return {
      raw: socket.raw,
      frames: () => socket.texts(),
      ended: async () => (await socket.closing())?.code,
    };
  }),
);

fanOutContract(
  "HTTP streaming fan-out",
  engine(1, async (port) => {
    const stream = await RawStream.open(port, {
      path: "/connection/http_stream",
      separator: "\n",
      body: "{}",
    });
    return streamView(stream, (piece) => piece);
  }),
);

fanOutContract(
  "SSE fan-out",
  engine(2, async (port) => {
    const stream = await RawStream.open(port, {
      path: "/connection/sse?cf_connect={}",
      separator: "\n\n",
    });
    return streamView(stream, (piece) => piece.trimStart().slice("data: ".length));
  }),
);
