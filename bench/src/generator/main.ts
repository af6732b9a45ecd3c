import type { GeneratorCommand, GeneratorResult } from "./commands.ts";
import { GeneratorRun } from "./run.ts";

/** The generator's process: one command per line on stdin, one result per line on stdout. Ends when stdin does. */
async function main(): Promise<void> {
  let run: GeneratorRun | undefined;

  const execute = async (command: GeneratorCommand): Promise<GeneratorResult> => {
    switch (command.kind) {
      case "open": {
        const opened = await GeneratorRun.open(command);
        run = opened.run;
        return opened.result;
      }
      case "measure":
        if (run === undefined) throw new Error("measure before open");
        return run.measure(command);
      case "close":
        run?.close();
        run = undefined;
        return { kind: "closed" };
    }
  };

  for await (const line of console) {
    let result: GeneratorResult;
    try {
      // The only writer of this pipe is GeneratorProcess, which writes GeneratorCommands.
      result = await execute(JSON.parse(line) as GeneratorCommand);
    } catch (error) {
      result = { kind: "failed", message: error instanceof Error ? error.message : String(error) };
    }
    process.stdout.write(`${JSON.stringify(result)}\n`);
  }
  process.exit(0);
}

await main();
