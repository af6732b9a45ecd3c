import { CommandError, usedWrongly } from "./command.ts";

export interface TakenFlags<Value extends string, Switch extends string> {
  /** The last value of each flag that was given. */
  readonly values: ReadonlyMap<Value, string>;
  readonly switches: ReadonlySet<Switch>;
  /** What was not taken, in order. */
  readonly rest: readonly string[];
}

/**
 * Takes a command's own flags out of `args`: `valueFlags` as `--flag value` or `--flag=value`, `switches` as
 * `--switch`. Everything else stays. Throws `CommandError` when a value is missing.
 */
export function takeFlags<const Value extends string, const Switch extends string>(
  args: readonly string[],
  valueFlags: readonly Value[],
  switches: readonly Switch[],
): TakenFlags<Value, Switch> {
  const values = new Map<Value, string>();
  const given = new Set<Switch>();
  const rest: string[] = [];
  const queue = [...args];
  for (let arg = queue.shift(); arg !== undefined; arg = queue.shift()) {
    const [, name = arg, inline] = /^(--[^=]+)=([^]*)$/.exec(arg) ?? [];
    const valueFlag = valueFlags.find((flag) => flag === name);
    const switchFlag = switches.find((flag) => flag === arg);
    if (valueFlag !== undefined) {
      const value = inline ?? queue.shift();
      if (value === undefined) throw new CommandError(`${valueFlag} needs a value`, usedWrongly);
      values.set(valueFlag, value);
    } else if (switchFlag !== undefined) {
      given.add(switchFlag);
    } else {
      rest.push(arg);
    }
  }
  return { values, switches: given, rest };
}
