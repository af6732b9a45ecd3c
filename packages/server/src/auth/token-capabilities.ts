import type { Capability, CapabilityVerb } from "@switchyard/core";
import { z } from "zod";

/** What a client can be allowed to do with each kind of object. */
const verbsOf = {
  channels: ["publish", "subscribe", "presence", "history", "bind"],
  exchanges: ["publish", "declare", "delete", "bind"],
  queues: ["publish", "declare", "delete", "bind", "consume", "purge"],
} as const satisfies Readonly<Record<Capability["kind"], readonly CapabilityVerb[]>>;
const kinds = ["channels", "exchanges", "queues"] as const;
const verbs = [...new Set(kinds.flatMap((kind): readonly CapabilityVerb[] => verbsOf[kind]))];
const patterns = z.array(z.string().max(255)).min(1).max(1_000).optional();

/**
 * The claim `caps`: `[{"queues": ["tasks"], "match": "exact", "allow": ["consume"]}]`. Strict: what is spelt wrong
 * would be a permission that is silently missing.
 */
export const capsSchema = z
  .array(
    z
      .strictObject({
        channels: patterns,
        exchanges: patterns,
        queues: patterns,
        match: z.enum(["exact", "wildcard"]).default("exact"),
        allow: z.array(z.enum(verbs)).min(1),
      })
      .superRefine((one, context) => {
        const given = kinds.filter((kind) => one[kind] !== undefined);
        if (given.length === 0)
          context.addIssue(`Invalid input: expected one of ${kinds.join(", ")}`);
        for (const kind of given) {
          const allowed: readonly CapabilityVerb[] = verbsOf[kind];
          const wrong = one.allow.find((verb) => !allowed.includes(verb));
          if (wrong !== undefined)
            context.addIssue({
              code: "custom",
              path: ["allow"],
              message: `Invalid input: ${kind} cannot be given ${wrong}, only ${allowed.join(", ")}`,
            });
        }
      }),
  )
  .max(1_000);

/** One capability for each kind that an element names. */
export function readCapabilities(caps: z.output<typeof capsSchema>): readonly Capability[] {
  return caps.flatMap((one) =>
    kinds.flatMap((kind) => {
      const names = one[kind];
      if (names === undefined) return [];
      return [{ kind, patterns: names, match: one.match, verbs: new Set(one.allow) }];
    }),
  );
}

/** Everything, as the claim's value. */
export function everyCapability(): z.input<typeof capsSchema> {
  return kinds.map((kind) => ({ [kind]: ["*"], match: "wildcard", allow: [...verbsOf[kind]] }));
}

/** All of the broker, as the claim's value; channels stay as their namespaces have them. */
export function brokerCapability(): z.input<typeof capsSchema> {
  const broker = everyCapability().filter(({ channels }) => channels === undefined);
  return [...broker, { channels: ["*"], match: "wildcard", allow: ["bind"] }];
}
