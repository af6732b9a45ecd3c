// Applies the migrations of a folder: bun migrate-process.ts URL FOLDER
import { Database } from "../src/database.ts";
import { migrate } from "../src/migrations.ts";
import { RecordingLog } from "@switchyard/testkit";

const log = new RecordingLog();
const database = new Database({ url: () => process.argv[2] ?? "", log });
await database.start();
const applied = await migrate(database, { log, directory: process.argv[3] ?? "" });
process.stdout.write(JSON.stringify(applied));
await database.stop();
