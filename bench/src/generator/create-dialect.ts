import { createBareDialect } from "./bare-dialect.ts";
import type { DialectOptions } from "./commands.ts";
import type { Dialect } from "./dialect.ts";
import { createSocketIoDialect } from "./socket-io-dialect.ts";
import { createSwitchyardDialect } from "./switchyard-dialect.ts";

export function createDialect(options: DialectOptions): Dialect {
  switch (options.kind) {
    case "bare":
      return createBareDialect();
    case "socket.io":
      return createSocketIoDialect();
    case "switchyard":
      return createSwitchyardDialect(options);
  }
}
