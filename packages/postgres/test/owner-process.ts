// A process that owns an embedded server until it is killed: bun owner-process.ts DIRECTORY
import { EmbeddedPostgres } from "../src/embedded/embedded-postgres.ts";
import { RecordingLog } from "@switchyard/testkit";

const server = new EmbeddedPostgres({ directory: process.argv[2] ?? "", log: new RecordingLog() });
try {
  await server.start();
  process.stdout.write(`${JSON.stringify({ postgres: server.pid, url: server.url })}\n`);
  process.stdin.resume(); // until killed, or until the test that holds the other end is gone
  process.stdin.once("end", () => void server.stop());
} catch (error) {
  process.stdout.write(
    `${JSON.stringify({ error: error instanceof Error ? error.message : String(error) })}\n`,
  );
}
