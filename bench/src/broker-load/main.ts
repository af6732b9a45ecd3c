import { serveCommands } from "../serve-commands.ts";
import { BrokerLoad } from "./broker-load.ts";
import type { BrokerCommand, BrokerResult } from "./commands.ts";

let load: BrokerLoad | undefined;

async function execute(command: BrokerCommand): Promise<BrokerResult> {
  switch (command.kind) {
    case "open":
      load = await BrokerLoad.open(command);
      return { kind: "opened" };
    case "offer":
      if (load === undefined) throw new Error("offer before open");
      return load.offer(command);
  }
}

// The only writer of this pipe is BrokerSession, which writes BrokerCommands.
await serveCommands((command) => execute(command as BrokerCommand));
