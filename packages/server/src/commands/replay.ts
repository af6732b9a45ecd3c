import { access } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseDuration } from "../config/quantities.ts";
import { resolveSecrets } from "../config/secrets.ts";
import { csvEncodings } from "../replay/csv-file.ts";
import { timeFormats } from "../replay/line-time.ts";
import { ReplayError } from "../replay/replay-error.ts";
import { type ReplayDestination, runReplay } from "../replay/run-replay.ts";
import { CommandError, usedWrongly } from "./command.ts";
import { loadConfig } from "./load-config.ts";
import { takeFlags } from "./take-flags.ts";
import type { ApiAccess } from "../replay/run-replay.ts";
import type { Command, CommandIo } from "./command.ts";

const usage = `switchyard replay <file.csv> --channel <template> [flags]
switchyard replay <file.csv> --exchange <name> --key <template> [flags]

Publishes every line of a CSV file to a channel or an exchange of a running server: at its time, or many times faster.

  --channel <template>
      Where a line goes: inventory:{Country} takes the line's value of the column Country, percent-encoded outside
      [A-Za-z0-9_.-]. For a brace itself write it twice.
  --exchange <name>
      Publishes events instead, each confirmed and under an id of its own, so that a repetition is none.
  --key <template>
      Routing key of an event: {Country}.{InvoiceNo}. A dot in a value becomes %2E.
  --headers <templates>
      Of an event: 'country={Country};cancelled=InvoiceNo~^C' gives a text, and whether a column's value matches.
  --speed <factor>
      Simulated seconds per second; 0: as fast as the server takes them. default: 1
  --time <column>
      Holds the time of the line. default: InvoiceDate
  --time-format <format>
      ${timeFormats.map((format) => `"${format}"`).join(", ")}. default: auto, either of the others
  --numbers <columns>
      With commas: columns whose values become JSON numbers where nothing is lost by it. default: Quantity,UnitPrice
  --line-member <name>
      Member of the data that holds the number of the line. default: line
  --encoding <encoding>
      ${csvEncodings.join(", ")}. default: utf-8
  --batch <lines>
      Most lines in one request, 1 to 1000. default: 256
  --give-up-after <duration>
      How long to try when the server is away. default: 60s
  --url <url>
      Of the server. default: http://127.0.0.1 with http.port of the configuration (8000)
  --data-dir <folder>, --config <file>, --dev
      As for switchyard serve. The API key is SWITCHYARD_API_KEY, or the one that the server generated in its data
      directory.

The data of a publication is a JSON object: the number of the line, then the values of the line.
`;

const valueFlags = [
  "--channel",
  "--exchange",
  "--key",
  "--headers",
  "--speed",
  "--time",
  "--time-format",
  "--numbers",
  "--line-member",
  "--encoding",
  "--batch",
  "--give-up-after",
  "--url",
  "--data-dir",
  "--config",
] as const;

type Flags = ReadonlyMap<(typeof valueFlags)[number], string>;

export const replayCommand: Command = {
  help: () => usage,
  async run(args, io) {
    const { values, switches, rest } = takeFlags(args, valueFlags, ["--dev"]);
    const [file, ...others] = rest;
    const unknown = rest.find((arg) => arg.startsWith("-")) ?? others[0];
    if (unknown !== undefined)
      throw new CommandError(`switchyard replay does not know ${unknown}`, usedWrongly);
    if (file === undefined)
      throw new CommandError("switchyard replay needs a CSV file", usedWrongly);
    const destination = readDestination(values);
    const settings = readSettings(values);
    const access = await apiAccess(values, switches.has("--dev"), io);
    try {
      return await runReplay({
        ...settings,
        ...access,
        file: resolve(io.cwd, file),
        destination,
        io,
      });
    } catch (error) {
      if (error instanceof ReplayError) throw new CommandError(error.message);
      throw error;
    }
  },
};

function readDestination(flags: Flags): ReplayDestination {
  const channel = flags.get("--channel");
  const exchange = flags.get("--exchange");
  const key = flags.get("--key");
  const headers = flags.get("--headers");
  if ((channel === undefined) === (exchange === undefined))
    throw new CommandError(
      "switchyard replay needs --channel, such as --channel 'inventory:{Country}', or --exchange with --key",
      usedWrongly,
    );
  if (exchange !== undefined) {
    if (key !== undefined) return { kind: "exchange", exchange, key, headers };
    throw new CommandError(
      "--exchange needs --key, such as --key '{Country}.{InvoiceNo}'",
      usedWrongly,
    );
  }
  const stray = key === undefined ? (headers === undefined ? undefined : "--headers") : "--key";
  if (stray !== undefined) throw new CommandError(`${stray} goes with --exchange`, usedWrongly);
  return { kind: "channel", channel: channel ?? "" };
}

function readSettings(flags: Flags) {
  const batchLines = Number(
    plain("--batch", flags.get("--batch") ?? "256", /^\d{1,4}$/, "a whole number from 1 to 1000"),
  );
  if (batchLines < 1 || batchLines > 1_000)
    throw new CommandError("--batch needs a whole number from 1 to 1000", usedWrongly);
  const giveUpAfterMs = parseDuration(flags.get("--give-up-after") ?? "60s");
  if (giveUpAfterMs === undefined)
    throw new CommandError("--give-up-after needs a duration such as 30s or 10m", usedWrongly);
  return {
    speed: Number(
      plain(
        "--speed",
        flags.get("--speed") ?? "1",
        /^\d{1,9}(?:\.\d{1,9})?$/,
        "a number such as 600 or 0.5; 0: as fast as possible",
      ),
    ),
    timeColumn: flags.get("--time") ?? "InvoiceDate",
    timeFormat: oneOf("--time-format", flags.get("--time-format") ?? "auto", timeFormats),
    numberColumns: flags
      .get("--numbers")
      ?.split(",")
      .filter((name) => name !== ""),
    lineMember: flags.get("--line-member") ?? "line",
    encoding: oneOf("--encoding", flags.get("--encoding") ?? "utf-8", csvEncodings),
    batchLines,
    giveUpAfterMs,
  };
}

async function apiAccess(flags: Flags, dev: boolean, io: CommandIo): Promise<ApiAccess> {
  const passedOn = (["--data-dir", "--config"] as const).flatMap((flag) => {
    const value = flags.get(flag);
    return value === undefined ? [] : [flag, value];
  });
  const { config, origins } = await loadConfig([...passedOn, ...(dev ? ["--dev"] : [])], io);
  const url = flags.get("--url") ?? `http://127.0.0.1:${config.http.port}`;
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? ""))
    throw new CommandError(`--url needs an http:// or https:// URL, not ${url}`, usedWrongly);
  const [given] = config.api.key;
  if (given !== undefined)
    return { url, apiKey: given, apiKeyOrigin: origins.get("api.key") ?? "the configuration" };
  const secretsFile = join(config.dataDir, "secrets.json");
  if (await exists(secretsFile))
    return { url, apiKey: (await resolveSecrets(config)).api.key[0], apiKeyOrigin: secretsFile };
  if (config.api.insecure) return { url, apiKey: undefined, apiKeyOrigin: "nowhere" };
  throw new CommandError(
    `No API key: SWITCHYARD_API_KEY is not set and ${secretsFile} does not exist. Give one, or the server's data directory with --data-dir.`,
  );
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function plain(flag: string, value: string, pattern: RegExp, expected: string): string {
  if (!pattern.test(value))
    throw new CommandError(`${flag} needs ${expected}, not ${value}`, usedWrongly);
  return value;
}

function oneOf<const Choice extends string>(
  flag: string,
  value: string,
  choices: readonly Choice[],
): Choice {
  const found = choices.find((choice) => choice === value);
  if (found === undefined)
    throw new CommandError(
      `${flag} needs one of ${choices.map((choice) => `"${choice}"`).join(", ")}, not ${value}`,
      usedWrongly,
    );
  return found;
}
