import type { Log } from "@switchyard/core";
import type { Context } from "hono";
import { buildPageScript, type PageEntry } from "./page-files.ts";
import { pageHeaders } from "./page-headers.ts";

/** Answers with a page's script, which is built on the first request. */
export function pageScript(entry: PageEntry, log: Log): (context: Context) => Promise<Response> {
  let script: Promise<string> | undefined;
  const built = (): Promise<string> => {
    script ??= buildPageScript(entry).catch((error: unknown) => {
      script = undefined; // so that the next reload tries again, with a source that may have been mended
      throw error;
    });
    return script;
  };

  return async (context) => {
    try {
      return context.body(await built(), 200, pageHeaders("text/javascript; charset=utf-8"));
    } catch (error) {
      log.error({ err: error, entry }, "a page's script cannot be built");
      return context.body(
        "// The script cannot be built; the server's log says why.\n",
        500,
        pageHeaders("text/javascript; charset=utf-8"),
      );
    }
  };
}
