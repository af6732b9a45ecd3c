import { isEcdsaPublicKey, isRsaPublicKey } from "../auth/token-keys.ts";
import { apiKeyList, type NamedApiKey } from "./api-key-list.ts";
import { clientDeclaration } from "./declaration-client.ts";
import { namespaceDeclaration } from "./declaration-namespace.ts";
import { devNamespaces, namespaceList } from "./namespace-list.ts";
import {
  addressRangeList,
  boolean,
  choice,
  duration,
  hostList,
  httpUrlList,
  integer,
  listenAddress,
  optional,
  originList,
  postgresUrl,
  publicKeyPem,
  size,
  text,
  textList,
} from "./option-types.ts";
import { Option, placedOptions } from "./option.ts";
import type { NamedNamespace } from "./declaration-namespace.ts";
import type { OptionGroup, PlacedOption, ValuesOf } from "./option.ts";

const mebibyte = 1_048_576;
const minute = 60_000;

/**
 * Every option of the server. YAML keys, environment variables, flags, `--help`, the documentation and the type
 * `Config` all come from here; there is no second place to keep in step.
 */
const declaration = {
  http: {
    address: new Option(listenAddress(), {
      default: "0.0.0.0",
      devDefault: "127.0.0.1",
      description:
        "Where to listen for clients, the API and health checks. Under `--dev` loopback only.",
    }),
    port: new Option(integer(0, 65_535), {
      default: 8_000,
      description: "Port for clients, the API and health checks; 0 takes any free one.",
    }),
    internalAddress: new Option(listenAddress(), {
      default: "127.0.0.1",
      description: "Where `internal_port` listens.",
    }),
    internalPort: new Option(optional(integer(0, 65_535)), {
      default: undefined,
      defaultText: "off",
      description: "Port for metrics and profiles without the API key; 0 takes any free one.",
    }),
  },
  dataDir: new Option(text("a folder"), {
    default: "./data",
    description:
      "Folder for what must survive a restart: generated secrets and the embedded database.",
  }),
  database: {
    url: new Option(optional(postgresUrl()), {
      default: undefined,
      defaultText: "the embedded PostgreSQL in `data_dir`",
      secret: "password",
      description: "PostgreSQL 15 or newer to use.",
    }),
    migrate: new Option(boolean(), {
      default: true,
      description:
        "Bring the database's tables up to date at the start. When off, the server refuses to start on an older schema.",
    }),
  },
  node: {
    name: new Option(
      optional(text("1 to 64 letters, digits, `_`, `.`, `-`", /^[A-Za-z0-9_.-]{1,64}$/)),
      {
        default: undefined,
        defaultText: "the machine's host name",
        description: "Stable name of this server process, unique in the cluster.",
      },
    ),
  },
  bus: {
    historyBytes: new Option(size(1 * mebibyte, 1_024 * 1_024 * mebibyte), {
      default: 512 * mebibyte,
      description:
        "Memory for the histories of all channels, roughly. Above: the channel that is published to forgets its oldest publications, and clients that needed them are told that they cannot recover.",
    }),
  },
  allowedOrigins: new Option(originList(), {
    default: [],
    defaultText: "none besides the same host",
    description:
      "Pages of other hosts that may connect. `https://*.example.com` stands for all subdomains, `http://localhost:*` for all ports, `*` for every page.",
  }),
  allowedHosts: new Option(hostList(), {
    default: [],
    devDefault: ["localhost", "127.0.0.1", "::1"],
    defaultText: "any",
    description: "Host headers that are answered. `*.example.com` stands for all subdomains.",
  }),
  api: {
    key: new Option(textList(), {
      default: [],
      defaultText: "generated, kept in `data_dir`",
      secret: "all",
      description:
        "Keys that open all of the server API; several while one is being replaced. Keys for less are in `api.keys`.",
    }),
    keys: new Option<readonly NamedApiKey[]>(apiKeyList(), {
      default: [],
      defaultText: "none",
      secret: "all",
      description:
        "Keys with a name that open parts of the API: a list of `name`, `key` and `scopes`. As a variable: JSON.",
    }),
    insecure: new Option(boolean(), {
      default: false,
      description: "Open the server API to everyone who reaches the port. For development only.",
    }),
    bodyBytes: new Option(size(1_024, 1_024 * mebibyte), {
      default: 10 * mebibyte,
      description: "Largest request body of the server API. Above: 413.",
    }),
  },
  token: {
    secret: new Option(optional(text()), {
      default: undefined,
      defaultText: "generated, kept in `data_dir`, unless other token keys are given",
      secret: "all",
      description: "Secret that signs client tokens with HS256, HS384 or HS512.",
    }),
    rsaPublicKey: new Option(
      optional(publicKeyPem("an RSA public key of at least 2048 bits", isRsaPublicKey)),
      {
        default: undefined,
        defaultText: "none",
        description: "Public key in PEM for tokens signed with RS256, RS384 or RS512.",
      },
    ),
    ecdsaPublicKey: new Option(
      optional(publicKeyPem("a public key on P-256, P-384 or P-521", isEcdsaPublicKey)),
      {
        default: undefined,
        defaultText: "none",
        description:
          "Public key in PEM for tokens signed with ES256, ES384 or ES512, as the key's curve says.",
      },
    ),
    jwksUrl: new Option(httpUrlList(), {
      default: [],
      defaultText: "none",
      description: "Where key sets (JWKS) of token issuers are found, for RS, PS, ES and EdDSA.",
    }),
    audience: new Option(optional(text()), {
      default: undefined,
      defaultText: "not checked",
      description: "The `aud` that every token must carry.",
    }),
    issuer: new Option(optional(text()), {
      default: undefined,
      defaultText: "not checked",
      description: "The `iss` that every token must carry.",
    }),
  },
  trustedGateway: {
    addresses: new Option(addressRangeList(), {
      default: [],
      defaultText: "none",
      description:
        "Peers whose `X-User-ID` header is believed in place of a token: the addresses of a gateway that has checked the user.",
    }),
  },
  client: clientDeclaration,
  channel: {
    privatePrefix: new Option(
      text("one printable ASCII character other than : # ,", /^(?![:#,])[!-~]$/),
      {
        default: "$",
        description:
          "A channel whose name, or whose part after `namespace:`, starts with this needs a subscription token.",
      },
    ),
    withoutNamespace: namespaceDeclaration,
    namespaces: new Option<readonly NamedNamespace[]>(namespaceList(), {
      default: [],
      devDefault: devNamespaces(),
      defaultText: "none",
      description:
        "Namespaces: a list of `name` and the options of `channel.without_namespace`. As a variable or flag: JSON.",
    }),
  },
  broker: {
    leaseMs: new Option(duration(1_000, 10 * minute), {
      default: 10_000,
      description:
        "How long another node waits for a sign of life before it takes this node's queues over. Longer than any pause of this process.",
    }),
    confirmTimeoutMs: new Option(duration(100, 10 * minute), {
      default: 10_000,
      description:
        "How long a publisher waits for its confirm while PostgreSQL is away. Above: an error; the event may still be stored.",
    }),
    idWindowMs: new Option(duration(1_000, 7 * 24 * 60 * minute), {
      default: 2 * minute,
      description:
        "How long an id given by a publisher is remembered: published again, it is confirmed and not delivered.",
    }),
    pendingBytes: new Option(size(1 * mebibyte, 64 * 1_024 * mebibyte), {
      default: 64 * mebibyte,
      description: "Events on their way into the store, in all. Above: error 111 (temporary).",
    }),
    channelValue: new Option(optional(text("a regular expression")), {
      default: undefined,
      defaultText: "`[A-Za-z0-9_.-]{1,64}`",
      description:
        "Values of keys and headers that stand in a channel's name as they are; others are percent-encoded. A regular expression for the whole value.",
    }),
  },
  shutdown: {
    spreadMs: new Option(duration(0, 60 * minute), {
      default: 5_000,
      devDefault: 200,
      description:
        "Window over which connections are told to go elsewhere (3001), so that they do not all return at once.",
    }),
    deadlineMs: new Option(duration(100, 60 * minute), {
      default: 20_000,
      devDefault: 5_000,
      description: "Time for the whole shutdown; what is left then is cut off. Above `spread`.",
    }),
  },
  log: {
    level: new Option(choice(["fatal", "error", "warn", "info", "debug", "trace"]), {
      default: "info",
      description: "The least severe messages that are logged.",
    }),
    format: new Option(choice(["json", "pretty"]), {
      default: "json",
      devDefault: "pretty",
      description: "One JSON object a line, or lines for people.",
    }),
  },
} satisfies OptionGroup;

/** What the server runs with. Units are in the names; where none is given: bytes for `…Bytes`, else a count. */
export interface Config extends ValuesOf<typeof declaration> {
  /** Development mode: loopback only, and defaults that work without further settings. */
  readonly dev: boolean;
}

export type TokenConfig = Config["token"];

/** Every option with its names, in the order of the declaration. */
export function configOptions(): readonly PlacedOption[] {
  return placedOptions(declaration);
}
