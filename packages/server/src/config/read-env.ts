import { nearestName } from "./nearest-name.ts";
import type { Given, GivenValues } from "./given.ts";
import type { Mistake } from "./mistake.ts";
import type { PlacedOption } from "./option.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Names the configuration file. Read before the options, so it is none itself. */
export const configFileVariable = "SWITCHYARD_CONFIG";

/** For the test runner's own variables, which every process that a test starts inherits. */
const testPrefix = "SWITCHYARD_TEST_";

/** Reads the `SWITCHYARD_*` variables. An empty variable counts as not given, as compose files produce them. */
export function readEnvironment(env: Environment, options: readonly PlacedOption[]): GivenValues {
  const byName = new Map(options.map((option) => [option.env, option]));
  const values = new Map<string, Given>();
  const mistakes: Mistake[] = [];
  for (const name of Object.keys(env)
    .filter((key) => key.startsWith("SWITCHYARD_") && !key.startsWith(testPrefix))
    .toSorted()) {
    const raw = env[name];
    if (raw === undefined || raw === "" || name === configFileVariable) continue;
    const option = byName.get(name);
    if (option === undefined) {
      const nearest = nearestName(
        name.slice("SWITCHYARD_".length),
        [...byName.keys(), configFileVariable].map((key) => key.slice("SWITCHYARD_".length)),
      );
      mistakes.push({
        path: name,
        code: "unknown-variable",
        source: name,
        given: undefined,
        expected: "a known variable",
        nearest: nearest === undefined ? undefined : `SWITCHYARD_${nearest}`,
      });
    } else {
      values.set(option.path, { raw, from: "env", source: name });
    }
  }
  return { values, mistakes };
}
