import { showGiven } from "./mistake.ts";
import { nearestName } from "./nearest-name.ts";
import type { Given, GivenValues } from "./given.ts";
import type { Mistake } from "./mistake.ts";
import type { PlacedOption } from "./option.ts";

/**
 * Reads flags: `--http-port 8000`, `--http-port=8000`, `--database-migrate`, `--no-database-migrate`. Of a flag
 * given twice the last wins; flags of lists add up. Secrets have no flags: every user of a machine can read them.
 */
export function readArguments(
  args: readonly string[],
  options: readonly PlacedOption[],
): GivenValues {
  const byFlag = new Map(
    options.flatMap((option) =>
      option.flag === undefined ? [] : [[option.flag, option] as const],
    ),
  );
  const values = new Map<string, Given>();
  const mistakes: Mistake[] = [];
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const [, name = "", inline] = /^(--[^=]*)(?:=([^]*))?$/.exec(arg) ?? [];
    if (name === "") {
      mistakes.push({
        path: "arguments",
        code: "unexpected-argument",
        source: "",
        given: showGiven(arg),
        expected: "a flag",
      });
      continue;
    }
    const negated = name.startsWith("--no-")
      ? byFlag.get(`--${name.slice("--no-".length)}`)
      : undefined;
    const isNegation = negated?.option.type.isSwitch === true && inline === undefined;
    const option = isNegation ? negated : byFlag.get(name);
    if (option === undefined) {
      mistakes.push(unknownFlag(name, options));
      // What follows belongs to the unknown flag; it is not a second mistake.
      if (inline === undefined && rest[0]?.startsWith("--") === false) rest.shift();
      continue;
    }
    let raw = inline;
    if (isNegation) raw = "false";
    else if (raw === undefined && option.option.type.isSwitch === true)
      raw = /^(?:true|false)$/.test(rest[0] ?? "") ? rest.shift() : "true";
    // A value may begin with `-` (a negative number), but not with `--`: that is the next flag.
    else if (raw === undefined && rest[0]?.startsWith("--") === false) raw = rest.shift();
    if (raw === undefined) {
      mistakes.push({
        path: option.path,
        code: "missing",
        source: name,
        given: undefined,
        expected: `a value after ${name}`,
      });
      continue;
    }
    const before = option.option.type.isList === true ? values.get(option.path)?.raw : undefined;
    values.set(option.path, {
      raw: typeof before === "string" ? `${before},${raw}` : raw,
      from: "flag",
      source: name,
    });
  }
  return { values, mistakes };
}

function unknownFlag(name: string, options: readonly PlacedOption[]): Mistake {
  const base = { path: name, code: "unknown-flag", source: name, given: undefined } as const;
  const secret = options.find(
    ({ flag, path }) => flag === undefined && `--${path.replaceAll(/[._]/g, "-")}` === name,
  );
  if (secret !== undefined) {
    return {
      ...base,
      expected: `${secret.env} or the file: other users can read the command line`,
    };
  }
  const flags = options.flatMap(({ flag }) => flag ?? []).map((flag) => flag.slice(2));
  const nearest = nearestName(name.slice(2), [...flags, "config", "dev", "help"]);
  return {
    ...base,
    expected: "a known flag",
    nearest: nearest === undefined ? undefined : `--${nearest}`,
  };
}
