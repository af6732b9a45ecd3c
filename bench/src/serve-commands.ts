/** One command per line on stdin, one result per line on stdout, one at a time. Ends the process when stdin ends. */
export async function serveCommands(
  execute: (command: unknown) => Promise<object>,
): Promise<never> {
  for await (const line of console) {
    let result: object;
    try {
      result = await execute(JSON.parse(line));
    } catch (error) {
      result = { kind: "failed", message: error instanceof Error ? error.message : String(error) };
    }
    process.stdout.write(`${JSON.stringify(result)}\n`);
  }
  process.exit(0);
}
