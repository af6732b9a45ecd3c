// Applies the migrations of a folder: bun migrate-process.ts URL FOLDER
import postgres from "postgres";
import { migrate } from "../src/migrations.ts";
import { RecordingLog } from "./recording-log.ts";

const sql = postgres(process.argv[2] ?? "", { max: 2, onnotice: () => undefined });
const applied = await migrate(sql, { log: new RecordingLog(), directory: process.argv[3] ?? "" });
process.stdout.write(JSON.stringify(applied));
await sql.end();
