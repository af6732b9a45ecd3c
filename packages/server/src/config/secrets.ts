import { randomBytes, randomUUID } from "node:crypto";
import { link, mkdir, open, readFile, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Config } from "./declaration.ts";

/** The generated secrets cannot be read or kept. The message says what to do, and never holds a secret. */
export class SecretsError extends Error {
  override readonly name = "SecretsError";
}

/** What `DATA_DIR/secrets.json` holds: 32 random bytes each, in base64url. */
export interface Secrets {
  readonly apiKey: string;
  readonly tokenSecret: string;
}

const fileSchema = z.object({
  version: z.literal(1),
  apiKey: z.string().min(32),
  tokenSecret: z.string().min(32),
});

/**
 * Fills in the secrets that the configuration leaves open from `DATA_DIR/secrets.json`, which is created on the
 * first start; touches no file when nothing is open. The token secret stays open when other token keys are
 * given: nothing should then verify but those (except under `--dev`, whose pages need tokens).
 * Throws `SecretsError`.
 */
export async function resolveSecrets(config: Config): Promise<Config> {
  const { token, api } = config;
  const hasOtherKeys =
    token.rsaPublicKey !== undefined ||
    token.ecdsaPublicKey !== undefined ||
    token.jwksUrl.length > 0;
  const needsTokenSecret = token.secret === undefined && (config.dev || !hasOtherKeys);
  const needsApiKey = api.key.length === 0;
  if (!needsTokenSecret && !needsApiKey) return config;
  const secrets = await loadSecrets(config.dataDir);
  return {
    ...config,
    api: needsApiKey ? { ...api, key: [secrets.apiKey] } : api,
    token: needsTokenSecret ? { ...token, secret: secrets.tokenSecret } : token,
  };
}

/**
 * Reads the secrets of a data directory; creates both on the first call. Safe against a second process that
 * does the same: one file wins whole, both processes return it.
 */
export async function loadSecrets(dataDir: string): Promise<Secrets> {
  const path = join(dataDir, "secrets.json");
  const existing = await readSecrets(path);
  if (existing !== undefined) return existing;
  const secrets: Secrets = { apiKey: newSecret(), tokenSecret: newSecret() };
  try {
    await mkdir(dataDir, { recursive: true });
    await createWhole(path, `${JSON.stringify({ version: 1, ...secrets }, null, 2)}\n`);
  } catch (cause) {
    if (errorCode(cause) !== "EEXIST") {
      throw new SecretsError(
        `${path} cannot be written (${errorCode(cause)}): give another data_dir, or both api.key and token.secret`,
        { cause },
      );
    }
    const winner = await readSecrets(path);
    if (winner === undefined)
      throw new SecretsError(`${path} was removed while it was read`, { cause });
    return winner;
  }
  return secrets;
}

function newSecret(): string {
  return randomBytes(32).toString("base64url");
}

/** undefined when there is no file. */
async function readSecrets(path: string): Promise<Secrets | undefined> {
  let text: string;
  try {
    const { mode } = await stat(path);
    // Windows has no such bits and reports them as open.
    if (process.platform !== "win32" && (mode & 0o077) !== 0) {
      const bits = (mode & 0o777).toString(8).padStart(4, "0");
      throw new SecretsError(
        `${path} can be read or changed by other users (mode ${bits}): run chmod 600 ${path}`,
      );
    }
    text = await readFile(path, "utf8");
  } catch (cause) {
    if (cause instanceof SecretsError) throw cause;
    if (errorCode(cause) === "ENOENT") return undefined;
    throw new SecretsError(`${path} cannot be read (${errorCode(cause)})`, { cause });
  }
  const parsed = fileSchema.safeParse(parseJson(text));
  if (parsed.success) return { apiKey: parsed.data.apiKey, tokenSecret: parsed.data.tokenSecret };
  // The cause is left out: it would carry what the file holds.
  throw new SecretsError(
    `${path} is damaged: restore it, or remove it to have new secrets (tokens signed with the old one end)`,
  );
}

/** Creates `path` with all of `text` or not at all; fails with EEXIST when it is there already. */
async function createWhole(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  const file = await open(draft, "wx", 0o600);
  try {
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    // Unlike a rename, a link never replaces what another process has created meanwhile.
    await link(draft, path);
  } finally {
    await unlink(draft);
  }
}

function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string"
    ? error.code
    : "unknown error";
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
