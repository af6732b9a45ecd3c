import { isNode, LineCounter, parseDocument } from "yaml";
import { showGiven } from "./mistake.ts";
import { isMapping } from "./namespace-list.ts";
import { nearestName } from "./nearest-name.ts";
import type { Given, GivenValues } from "./given.ts";
import type { Mistake } from "./mistake.ts";
import type { PlacedOption } from "./option.ts";

export interface ConfigFile {
  /** For messages. */
  readonly path: string;
  readonly text: string;
}

/** Reads a YAML file (JSON is YAML). Never throws, whatever the file holds. */
export function readConfigFile(file: ConfigFile, options: readonly PlacedOption[]): GivenValues {
  const lines = new LineCounter();
  const document = parseDocument(file.text, {
    lineCounter: lines,
    prettyErrors: false,
    strict: true,
    logLevel: "error",
  });
  const mistakes: Mistake[] = document.errors.map((error) => ({
    path: file.path,
    code: "syntax",
    source: `${file.path}:${lines.linePos(error.pos[0]).line}`,
    given: undefined,
    expected: `YAML (${error.message.split("\n")[0] ?? ""})`,
  }));
  if (mistakes.length > 0) return { values: new Map(), mistakes };
  let root: unknown;
  try {
    // The bound stops files that expand to gigabytes by aliases of aliases.
    root = document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    const expected = `YAML (${cause instanceof Error ? cause.message : "unreadable"})`;
    return {
      values: new Map(),
      mistakes: [
        { path: file.path, code: "syntax", source: file.path, given: undefined, expected },
      ],
    };
  }
  const source = (keys: readonly (string | number)[]): string => {
    // What is missing is told at the nearest place around it that is there.
    for (let depth = keys.length; depth > 0; depth -= 1) {
      const node = document.getIn(keys.slice(0, depth), true);
      if (isNode(node) && node.range) return `${file.path}:${lines.linePos(node.range[0]).line}`;
    }
    return file.path;
  };
  const values = new Map<string, Given>();
  collect(root, [], { options, values, mistakes, source });
  return { values, mistakes };
}

interface Collecting {
  readonly options: readonly PlacedOption[];
  readonly values: Map<string, Given>;
  readonly mistakes: Mistake[];
  source(keys: readonly (string | number)[]): string;
}

function collect(node: unknown, keys: readonly string[], into: Collecting): void {
  // `http:` with nothing below it, and an empty file.
  if (node === null || node === undefined) return;
  const prefix = keys.length === 0 ? "" : `${keys.join(".")}.`;
  if (!isMapping(node)) {
    const path = keys.join(".") || "the file";
    into.mistakes.push({
      path,
      code: "invalid-value",
      source: into.source(keys),
      given: showGiven(node),
      expected: "a mapping of options",
    });
    return;
  }
  for (const [key, value] of Object.entries(node)) {
    const path = `${prefix}${key}`;
    const below = [...keys, key];
    if (into.options.some((option) => option.path === path)) {
      const sourceOf = (at: string): string => into.source([...below, ...placeKeys(at)]);
      if (value !== null)
        into.values.set(path, { raw: value, from: "file", source: into.source(below), sourceOf });
    } else if (into.options.some((option) => option.path.startsWith(`${path}.`))) {
      collect(value, below, into);
    } else {
      const nearest = nearestPath(key, prefix, into.options);
      into.mistakes.push({
        path,
        code: "unknown-key",
        source: into.source(below),
        given: undefined,
        expected: "a known key",
        nearest,
      });
    }
  }
}

/** `[2].presence` → 2, "presence". */
function placeKeys(at: string): (string | number)[] {
  return [...at.matchAll(/\[(\d+)\]|\.([^.[\]]+)/g)].map(([, index, key = ""]) =>
    index === undefined ? key : Number(index),
  );
}

/** First among the keys of the same section, then among the last keys of all options: `port` → `http.port`. */
function nearestPath(
  key: string,
  prefix: string,
  options: readonly PlacedOption[],
): string | undefined {
  const siblings = new Set(
    options
      .filter(({ path }) => path.startsWith(prefix))
      .map(({ path }) => path.slice(prefix.length).split(".")[0] ?? ""),
  );
  const sibling = nearestName(key, siblings);
  if (sibling !== undefined) return `${prefix}${sibling}`;
  const wanted = key.toLowerCase().replaceAll("-", "_");
  const elsewhere = options.find(
    ({ yamlKeys, path }) => yamlKeys.at(-1) === wanted || path.replaceAll(".", "_") === wanted,
  );
  return (
    elsewhere?.path ??
    nearestName(
      `${prefix}${key}`,
      options.map(({ path }) => path),
    )
  );
}
