import { createHmac } from "node:crypto";
import postgres from "postgres";
import { DatabaseError, errorCode } from "./database-error.ts";
import { connectError } from "./database-url.ts";

const validName = /^[a-z][a-z0-9_]{0,40}$/;
/** PostgreSQL's own, and ours. Roles that begin with pg_ are refused by PostgreSQL. */
const reservedName = /^(postgres|template[01]|switchyard|public|none|pg_.*)$/;

/** Held while a role and its database are made: "swya" in ASCII. */
const ADVISORY_LOCK = 0x73777961;

/** SQLSTATE duplicate_database, duplicate_object, unique_violation: another process made it at the same moment. */
const alreadyThere = new Set(["42P04", "42710", "23505"]);

/**
 * Makes sure that the server at `adminUrl` has a database `name` and a role of the same name that owns it and may
 * connect to no other application's, and returns the URL with which the application connects. The password is an HMAC
 * of the name under `secret`, so that the same URL comes out each time and nothing has to be kept.
 *
 * Idempotent, and safe to call from several processes at once. `adminUrl` needs the rights to create roles and
 * databases. Throws `DatabaseError` (`name`, `unreachable`, `credentials`, `unsuitable`).
 */
export async function createApplicationDatabase(
  adminUrl: string,
  name: string,
  secret: string,
): Promise<string> {
  if (!validName.test(name) || reservedName.test(name)) {
    throw new DatabaseError(
      "name",
      `"${name}" cannot be the name of an application's database: a lower-case letter, then at most 40 lower-case ` +
        "letters, digits or underscores; not postgres, template0, template1, switchyard, public, none or pg_….",
    );
  }
  const password = createHmac("sha256", secret).update(`database:${name}`).digest("base64url");
  const sql = postgres(adminUrl, { max: 1, onnotice: () => undefined, connect_timeout: 10 });
  try {
    await makeRoleAndDatabase(sql, name, password);
  } catch (error) {
    if (errorCode(error) === "42501") {
      throw new DatabaseError(
        "unsuitable",
        `The role of the configured database may not create the database ${name}. ` +
          "Grant it CREATEDB and CREATEROLE, or create the database by hand.",
        error,
      );
    }
    throw connectError(adminUrl, error);
  } finally {
    await sql.end({ timeout: 1 });
  }
  const url = new URL(adminUrl);
  url.username = name;
  url.password = password;
  url.pathname = `/${name}`;
  return url.href;
}

async function makeRoleAndDatabase(
  sql: postgres.Sql,
  name: string,
  password: string,
): Promise<void> {
  // Of the session, because databases are not created in a transaction. It ends with the connection at the latest.
  await sql`select pg_advisory_lock(${ADVISORY_LOCK})`;
  // Names and the password consist of characters that need no quoting inside quotes: validName, base64url.
  const roles = await sql`select from pg_roles where rolname = ${name}`;
  if (roles.length === 0)
    await unlessThere(sql.unsafe(`create role "${name}" login password '${password}'`));
  else await sql.unsafe(`alter role "${name}" login password '${password}'`);

  const databases = await sql`select from pg_database where datname = ${name}`;
  if (databases.length === 0) {
    // Where the caller is no superuser it must be a member of the role to give the database away.
    await sql.unsafe(`grant "${name}" to current_user`).catch(() => undefined);
    await unlessThere(
      sql.unsafe(`create database "${name}" owner "${name}" encoding 'UTF8' template template0`),
    );
  }
  await sql.unsafe(`revoke all on database "${name}" from public`);
}

async function unlessThere(statement: PromiseLike<unknown>): Promise<void> {
  try {
    await statement;
  } catch (error) {
    if (!alreadyThere.has(errorCode(error) ?? "")) throw error;
  }
}
