import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { EmbeddedPostgres } from "@switchyard/postgres";
import { RecordingLog, startServer } from "@switchyard/testkit";
import { DataDirectory } from "./harness/data-directory.ts";

setDefaultTimeout(60_000);

test("the database is away at the stop: one line that says what it costs, no stack, exit code 1", async () => {
  await using directory = await DataDirectory.make();
  const database = new EmbeddedPostgres({
    directory: join(directory.path, "elsewhere"),
    log: new RecordingLog(),
  });
  await database.start();
  let isStopped = false;
  try {
    await using server = await startServer({
      env: { SWITCHYARD_DATABASE_URL: database.url },
      args: ["--shutdown-deadline", "2s", "--shutdown-spread", "0s"],
    });
    await database.stop();
    isStopped = true;
    expect(await server.stop()).toBe(1);
    const lines = server.log().trimEnd().split("\n");
    expect(lines.at(-1)).toMatch(
      /^switchyard: not everything stopped cleanly: bus did not drain \(.+\): the streams are not kept; .*new epochs/,
    );
    const errors = lines.filter((line) => line.includes('"level":"error"'));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain('"component":"bus","step":"drain","reason":');
    expect(errors[0]).not.toContain('"stack"');
    expect(server.log()).not.toMatch(/^ +at /m);
  } finally {
    if (!isStopped) await database.stop();
  }
});
