import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config/declaration.ts";
import { parseJsonText } from "@switchyard/protocol";
import { signToken } from "../auth/sign-token.ts";
import { capsSchema } from "../auth/token-capabilities.ts";
import { parseDuration } from "../config/quantities.ts";
import { resolveSecrets } from "../config/secrets.ts";
import { CommandError, usedWrongly } from "./command.ts";
import { configFlagsHelp, loadConfig } from "./load-config.ts";
import { takeFlags } from "./take-flags.ts";
import type { JsonText } from "@switchyard/protocol";
import type { Command } from "./command.ts";

const usage = `switchyard token [--user <id>] [flags]

Prints a client token, signed with the token secret: token.secret, or the one generated in data_dir.

  --user <id>
      default: none, the anonymous user
  --exp <duration>
      Until it expires: 30s, 10m, 24h; 0 never. default: 1h
  --channel <name>
      Makes a subscription token for one channel instead of a connection token
  --client <id>
      Binds a subscription token to one connection
  --channels <names>
      Server-side subscriptions of a connection token, with commas between them
  --caps <json>
      What a connection token allows, such as
      '[{"queues":["tasks"],"allow":["consume"]}]': docs/client-permissions.md
  --info <json>
      What others see of the user in presence, joins and publications
  --meta <json>
      What only the server sees
  --id <text>
      The token's own id (jti)
${configFlagsHelp}`;

const flags = [
  "--user",
  "--exp",
  "--channel",
  "--client",
  "--channels",
  "--caps",
  "--info",
  "--meta",
  "--id",
] as const;

export const tokenCommand: Command = {
  help: () => usage,
  async run(args, io) {
    const { values, rest } = takeFlags(args, flags, []);
    const lifetimeMs = parseDuration(values.get("--exp") ?? "1h");
    if (lifetimeMs === undefined)
      throw new CommandError("--exp needs a duration such as 30s, 10m or 24h", usedWrongly);
    const info = jsonFlag("--info", values.get("--info"));
    const meta = jsonFlag("--meta", values.get("--meta"));
    const caps = capsFlag(values.get("--caps"));
    const channel = values.get("--channel");
    if (channel === undefined && values.has("--client"))
      throw new CommandError("--client needs --channel", usedWrongly);
    for (const flag of ["--channels", "--caps"] as const) {
      if (channel === undefined || !values.has(flag)) continue;
      throw new CommandError(
        `--channel makes a subscription token, ${flag} belongs to a connection token`,
        usedWrongly,
      );
    }
    const { config } = await loadConfig(rest, io);
    await findSecret(config);
    const { token } = await resolveSecrets(config);
    if (token.secret === undefined) {
      throw new CommandError(
        "The configuration has no token.secret: tokens come from the owner of its public keys.",
      );
    }
    const now = Math.floor(Date.now() / 1_000);
    const text = await signToken(token.secret, {
      user: values.get("--user") ?? "",
      issuedAt: now,
      expiresAt: lifetimeMs === 0 ? undefined : now + Math.ceil(lifetimeMs / 1_000),
      channel,
      client: values.get("--client"),
      channels: values
        .get("--channels")
        ?.split(",")
        .filter((name) => name !== ""),
      caps,
      info,
      meta,
      tokenId: values.get("--id"),
      audience: token.audience,
      issuer: token.issuer,
    });
    io.out(`${text}\n`);
    return 0;
  },
};

/** A secret that this command made would be no server's: its tokens would be refused everywhere. */
async function findSecret({ token, dataDir, dev }: Config): Promise<void> {
  const hasPublicKeys =
    token.rsaPublicKey !== undefined ||
    token.ecdsaPublicKey !== undefined ||
    token.jwksUrl.length > 0;
  if (token.secret !== undefined || (hasPublicKeys && !dev)) return;
  const file = join(dataDir, "secrets.json");
  if (existsSync(file)) return;
  throw new CommandError(
    `No token secret: SWITCHYARD_TOKEN_SECRET is not set and ${file} does not exist. ` +
      "Start the server once, or name its data directory with --data-dir.",
  );
}

/** Checked as the server does: a token that no server takes is of no use. */
function capsFlag(text: string | undefined): JsonText | undefined {
  const json = jsonFlag("--caps", text);
  if (json === undefined) return undefined;
  const parsed = capsSchema.safeParse(JSON.parse(json));
  if (parsed.success) return json;
  const issue = parsed.error.issues[0];
  throw new CommandError(
    `--caps: ${issue?.path.map(String).join(".") ?? ""}: ${issue?.message ?? "invalid"}`,
    usedWrongly,
  );
}

function jsonFlag(name: string, text: string | undefined): JsonText | undefined {
  if (text === undefined) return undefined;
  const json = parseJsonText(text);
  if (json === undefined)
    throw new CommandError(`${name} needs JSON, such as '{"name":"Ann"}'`, usedWrongly);
  return json;
}
