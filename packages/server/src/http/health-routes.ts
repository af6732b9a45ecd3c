import type { Log } from "@switchyard/core";
import { Hono } from "hono";

export interface HealthCheck {
  readonly name: string;
  /** Rejects when the part does not answer within `timeoutMs`. */
  check(timeoutMs: number): Promise<void>;
}

interface HealthOptions {
  readonly checks: readonly HealthCheck[];
  /** False while starting and draining. */
  readonly accepting: () => boolean;
  readonly log: Log;
}

const timeoutMs = 2_000;
/** Probes come from many places: the parts are asked at most this often. */
const freshMs = 500;

interface Readiness {
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, "ok" | "failed">>;
}

/** `/health/live`: the process answers. `/health/ready`: each part has answered a real round trip just now. */
export function createHealthRoutes({ checks, accepting, log }: HealthOptions): Hono {
  let latest: { readonly at: number; readonly readiness: Promise<Readiness> } | undefined;

  const readiness = async (): Promise<Readiness> => {
    const outcomes = await Promise.all(
      checks.map(async (part): Promise<[string, "ok" | "failed"]> => {
        try {
          await part.check(timeoutMs);
          return [part.name, "ok"];
        } catch (error) {
          log.warn({ part: part.name, err: error }, "a part is not ready");
          return [part.name, "failed"];
        }
      }),
    );
    return {
      ready: outcomes.every(([, outcome]) => outcome === "ok"),
      checks: Object.fromEntries(outcomes),
    };
  };

  const app = new Hono();
  app.get("/health/live", (context) => context.json({ status: "ok" }));
  app.get("/health/ready", async (context) => {
    const now = performance.now();
    if (!latest || now - latest.at > freshMs) latest = { at: now, readiness: readiness() };
    const { ready, checks: results } = await latest.readiness;
    const status = accepting() ? (ready ? "ok" : "failed") : "draining";
    return context.json({ status, checks: results }, status === "ok" ? 200 : 503);
  });
  return app;
}
