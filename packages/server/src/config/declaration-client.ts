import { boolean, duration, integer, size, text } from "./option-types.ts";
import { Option } from "./option.ts";
import type { OptionGroup } from "./option.ts";

const kibibyte = 1_024;
const mebibyte = 1_048_576;
const minute = 60_000;

/** How client connections behave, and what they may use. */
export const clientDeclaration = {
  insecure: new Option(boolean(), {
    default: false,
    description:
      "Accept every connection and every operation without tokens. For development only.",
  }),
  allowAnonymous: new Option(boolean(), {
    default: false,
    devDefault: true,
    description: "Accept connections without a token, as the anonymous user.",
  }),
  personalChannel: new Option(boolean(), {
    default: true,
    description: "Subscribe each connection of a user to the user's personal channel, `#user`.",
  }),
  personalPrefix: new Option(text("up to 64 printable ASCII characters", /^[!-~]{1,64}$/), {
    default: "#",
    description:
      "What precedes the user's id in the name of the personal channel. With a `:` it names a namespace.",
  }),
  pingIntervalMs: new Option(duration(1_000, 60 * minute), {
    default: 25_000,
    description:
      "Time between two pings. A connection that answers none is gone after this and `pong_timeout`.",
  }),
  pongTimeoutMs: new Option(duration(100, 60 * minute), {
    default: 8_000,
    description:
      "Time for the answer to a ping before the connection is closed (3012). Below `ping_interval`.",
  }),
  connectTimeoutMs: new Option(duration(100, 60 * minute), {
    default: 10_000,
    description:
      "Time for a new connection to complete its connect command before it is closed (3502).",
  }),
  expiryGraceMs: new Option(duration(0, 60 * minute), {
    default: 25_000,
    description:
      "Time for a refresh after a token has expired, before the connection (3005) or the subscription (2501) ends.",
  }),
  positionCheckMs: new Option(duration(100, 60 * minute), {
    default: 40_000,
    description:
      "A positioned subscription that has received nothing for so long is compared with the stream.",
  }),
  sendTime: new Option(boolean(), {
    default: false,
    description: "Add the server's time in milliseconds to connect results and publications.",
  }),
  limits: {
    frameBytesBeforeConnect: new Option(size(1 * kibibyte, 64 * mebibyte), {
      default: 64 * kibibyte,
      description:
        "Largest frame of a client that has not connected yet. Above: the connection is closed (1009).",
    }),
    frameBytes: new Option(size(1 * kibibyte, 64 * mebibyte), {
      default: 512 * kibibyte,
      description: "Largest frame of a connected client. Above: the connection is closed (1009).",
    }),
    channelsPerConnection: new Option(integer(1, 100_000), {
      default: 128,
      unit: "channels",
      description:
        "Subscriptions of one connection. Above: error 106; server-side subscriptions: closed with 3505.",
    }),
    connectionsPerUser: new Option(integer(0, 10_000_000), {
      default: 100,
      unit: "connections",
      description:
        "Connections of one user on one node; 0 is unbounded. Above: 3504. Anonymous connections do not count.",
    }),
    connections: new Option(integer(0, 10_000_000), {
      default: 0,
      unit: "connections",
      description: "Connections of one node; 0 is unbounded. Above: 3504.",
    }),
    queueBytes: new Option(size(16 * kibibyte, 1_024 * mebibyte), {
      default: 768 * kibibyte,
      devDefault: 8 * mebibyte,
      description:
        "Bytes waiting for one slow connection. Above: it is closed (3008) and recovers when it returns. One reply takes at most half; the rest of a recovery follows as the client takes it.",
    }),
    pauseBytes: new Option(size(4 * kibibyte, 1_024 * mebibyte), {
      default: 256 * kibibyte,
      description:
        "Bytes waiting for one connection above which recoveries and deliveries to it pause. Below `queue_bytes`.",
    }),
    commandsInFlight: new Option(integer(1, 1_000_000), {
      default: 4_096,
      unit: "commands",
      description: "Unanswered `rpc` and `publish` commands of one connection. Above: error 111.",
    }),
    commandsPerSecond: new Option(integer(0, 1_000_000), {
      default: 1_000,
      unit: "commands per second",
      description:
        "Commands of one connection, all kinds; 0 is unbounded. Above: error 111, far above: 3013.",
    }),
    channelNameLength: new Option(integer(1, 4_096), {
      default: 255,
      unit: "characters",
      description: "Length of a channel's name. Above: error 107.",
    }),
    recoveryPublications: new Option(integer(1, 1_000_000), {
      default: 10_000,
      unit: "publications",
      description:
        "Publications that one recovery brings. A client that missed more is told so (`recovered: false`).",
    }),
    historyPublications: new Option(integer(1, 1_000_000), {
      default: 300,
      unit: "publications",
      description: "Publications in one page of history for a client.",
    }),
    errorsPerMinute: new Option(integer(0, 1_000_000), {
      default: 120,
      unit: "errors per minute",
      description: "Errors answered to one connection; 0 is unbounded. Above: closed with 3509.",
    }),
    busTimeoutMs: new Option(duration(10, 10 * minute), {
      default: 4_000,
      description:
        "Time for an operation of the bus before the client gets error 100. Stock SDKs wait 5 s for an answer.",
    }),
  },
} satisfies OptionGroup;
