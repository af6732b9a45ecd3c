import { renderFlags } from "../config/render-options.ts";
import { resolveSecrets } from "../config/secrets.ts";
import { loadConfig } from "./load-config.ts";
import type { Command } from "./command.ts";

const usage = `switchyard serve [--config switchyard.yaml] [--dev] [flags]

Runs the server until SIGTERM or SIGINT.

  --config <file>
      The configuration, in YAML. default: switchyard.yaml in this folder, when there is one
  --dev
      Development: loopback only, and defaults that work without further settings

`;

export const serveCommand: Command = {
  help: () => `${usage}${renderFlags()}`,
  async run(args, io) {
    const { config } = await loadConfig(args, io);
    const resolved = await resolveSecrets(config);
    // Late, so that a mistake in the configuration is told without loading the server.
    const { serve } = await import("../main.ts");
    await serve(resolved);
    return 0;
  },
};
