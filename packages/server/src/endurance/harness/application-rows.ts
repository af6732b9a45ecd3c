import { cli } from "./spawned-command.ts";

/** An application beside the server: rows in a database of its own, found as a user finds it. */
export class ApplicationRows {
  readonly #dataDir: string;

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  async add(text: string): Promise<void> {
    await this.#use(async (sql) => {
      await sql`create table if not exists row (text text primary key)`;
      await sql`insert into row values (${text})`;
    });
  }

  async all(): Promise<readonly string[]> {
    return this.#use(async (sql) => {
      const rows = await sql<{ text: string }[]>`select text from row order by text`;
      return rows.map(({ text }) => text);
    });
  }

  async #use<Result>(work: (sql: Bun.SQL) => Promise<Result>): Promise<Result> {
    const command = [process.execPath, cli, "db", "url", "shop", "--data-dir", this.#dataDir];
    const found = Bun.spawn(command, { stdio: ["ignore", "pipe", "pipe"] });
    const [url, notes] = await Promise.all([found.stdout.text(), found.stderr.text()]);
    if ((await found.exited) !== 0) throw new Error(notes);
    const sql = new Bun.SQL(url.trim(), { max: 1 });
    try {
      return await work(sql);
    } finally {
      await sql.end();
    }
  }
}
