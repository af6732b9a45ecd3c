import { devNamespaceNames, namespaceDeclaration } from "./declaration-namespace.ts";
import { showGiven } from "./mistake.ts";
import { nearestName } from "./nearest-name.ts";
import { defaultsOf, placedOptions } from "./option.ts";
import type { NamedNamespace, NamespaceValues } from "./declaration-namespace.ts";
import type { Fault, OptionType, Parsed } from "./option.ts";

const namePattern = /^[A-Za-z0-9_.-]{1,64}$/;
const nameExpected = "1 to 64 letters, digits, `_`, `.`, `-`";

/** What `channel.namespaces` is under `--dev`: everything allowed, long histories. */
export function devNamespaces(): readonly NamedNamespace[] {
  const values = defaultsOf(namespaceDeclaration, true);
  return devNamespaceNames.map((name) => ({ name, ...values }));
}

/** `channel.namespaces`: a list of mappings; as text, the same in JSON. All faults of all namespaces are told. */
export function namespaceList(): OptionType<readonly NamedNamespace[]> {
  return { name: "list of namespaces", parse: parseNamespaces, show: showNamespaces };
}

/** Whether `raw`, what was given for the list, says anything at the place `[2].presence`; if not, a default holds there. */
export function givesNamespaceOption(raw: unknown, at: string): boolean {
  const [, index = "", key = ""] = /^\[(\d+)\]\.(.+)$/.exec(at) ?? [];
  const list = typeof raw === "string" ? parseJson(raw) : raw;
  const item: unknown = Array.isArray(list) ? list[Number(index)] : undefined;
  return isMapping(item) && (item[key] ?? null) !== null;
}

function parseNamespaces(raw: unknown): Parsed<readonly NamedNamespace[]> {
  const list = typeof raw === "string" ? parseJson(raw) : raw;
  if (!Array.isArray(list)) {
    const expected = "a list of namespaces, each with a `name`";
    return {
      ok: false,
      faults: [{ at: "", code: "invalid-value", given: showGiven(raw), expected }],
    };
  }
  const faults: Fault[] = [];
  const namespaces: NamedNamespace[] = [];
  const names = new Set<string>();
  for (const [index, item] of list.entries()) {
    const namespace = parseNamespace(item, `[${index}]`, faults);
    if (names.has(namespace.name)) {
      const expected = "every namespace once";
      faults.push({
        at: `[${index}].name`,
        code: "duplicate",
        given: showGiven(namespace.name),
        expected,
      });
    }
    if (namespace.name !== "") names.add(namespace.name);
    namespaces.push(namespace);
  }
  return faults.length === 0
    ? { ok: true, value: namespaces }
    : { ok: false, faults, partial: namespaces };
}

/** Reads one namespace; what cannot be read is told in `faults` and keeps its default (the name: ""). */
function parseNamespace(item: unknown, at: string, faults: Fault[]): NamedNamespace {
  const values: NamespaceValues = defaultsOf(namespaceDeclaration, false);
  if (!isMapping(item)) {
    faults.push({
      at,
      code: "invalid-value",
      given: showGiven(item),
      expected: "a mapping with a `name` and options",
    });
    return { name: "", ...values };
  }
  const options = new Map(
    placedOptions(namespaceDeclaration).map((placed) => [placed.path, placed]),
  );
  const given: Record<string, unknown> = {};
  for (const [key, raw] of Object.entries(item)) {
    if (key === "name" || raw === null) continue;
    const placed = options.get(key);
    if (placed === undefined) {
      const nearest = nearestName(key, ["name", ...options.keys()]);
      faults.push({
        at: `${at}.${key}`,
        code: "unknown-key",
        given: undefined,
        expected: "an option of a namespace",
        nearest,
      });
      continue;
    }
    const parsed = placed.option.type.parse(raw);
    if (parsed.ok) given[placed.keys[0] ?? key] = parsed.value;
    else
      faults.push(...parsed.faults.map((fault) => ({ ...fault, at: `${at}.${key}${fault.at}` })));
  }
  const name = item["name"];
  if (typeof name === "string" && namePattern.test(name)) return { ...values, ...given, name };
  const isGiven = name !== undefined && name !== null;
  faults.push({
    at: `${at}.name`,
    code: isGiven ? "invalid-value" : "missing",
    given: isGiven ? showGiven(name) : undefined,
    expected: nameExpected,
  });
  return { ...values, ...given, name: "" };
}

/** The name, and what differs from the defaults. */
function showNamespaces(namespaces: readonly NamedNamespace[]): string {
  const defaults: Readonly<Record<string, unknown>> = defaultsOf(namespaceDeclaration, false);
  const shown = namespaces.map((namespace) => {
    const values: Readonly<Record<string, unknown>> = { ...namespace };
    const changed = placedOptions(namespaceDeclaration).flatMap(({ keys, path, option }) => {
      const value = values[keys[0] ?? ""];
      return value === defaults[keys[0] ?? ""] ? [] : [`, ${path}: ${option.type.show(value)}`];
    });
    return `{name: ${JSON.stringify(namespace.name)}${changed.join("")}}`;
  });
  return `[${shown.join(", ")}]`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
