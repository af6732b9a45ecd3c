import { serveCommands } from "../serve-commands.ts";
import type { GeneratorCommand, GeneratorResult } from "./commands.ts";
import { GeneratorRun } from "./run.ts";

let run: GeneratorRun | undefined;

async function execute(command: GeneratorCommand): Promise<GeneratorResult> {
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
}

// The only writer of this pipe is GeneratorProcess, which writes GeneratorCommands.
await serveCommands((command) => execute(command as GeneratorCommand));
