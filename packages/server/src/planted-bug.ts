import type { BrokerOptions, Log } from "@switchyard/core";

type PlantedBug = NonNullable<BrokerOptions["plantedBug"]>;

const variable = "SWITCHYARD_TEST_PLANTED_BUG";
const plantedBugs: readonly PlantedBug[] = [
  "confirmBeforeCommit",
  "loseUnsettled",
  "retryWithoutLedger",
];

/**
 * A fault of the broker that a test asks for, to show that its checker finds such ones. No option of the configuration,
 * so that nobody sets it by mistake. Throws for another value.
 */
export function plantedBugOf(
  env: Readonly<Record<string, string | undefined>>,
  log: Log,
): PlantedBug | undefined {
  const value = env[variable];
  if (value === undefined || value === "") return undefined;
  const bug = plantedBugs.find((name) => name === value);
  if (bug === undefined)
    throw new RangeError(`${variable} is ${value}, which is none of ${plantedBugs.join(", ")}`);
  log.error({ bug }, "planted bug: this server loses or repeats messages on purpose");
  return bug;
}
