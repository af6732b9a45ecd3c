import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

const namePattern = /^[a-z0-9][a-z0-9-]*\.md$/;

export interface DocsFile {
  readonly name: string;
  /** The first heading, or the name. */
  readonly title: string;
}

/** The Markdown files of a folder, by title; none when the folder is not there (an installation without the docs). */
export async function listDocs(folder: string): Promise<readonly DocsFile[]> {
  const names = await readdir(folder).catch(() => []);
  const files = await Promise.all(
    names
      .filter((name) => namePattern.test(name))
      .map(async (name) => ({ name, title: titleOf(await readDocs(folder, name)) ?? name })),
  );
  return files.toSorted((a, b) => a.title.localeCompare(b.title, "en"));
}

/** undefined when there is no such file. Names with a path in them name no file. */
export async function readDocs(folder: string, name: string): Promise<string | undefined> {
  if (!namePattern.test(name)) return undefined;
  return readFile(join(folder, name), "utf8").catch(() => undefined);
}

function titleOf(markdown: string | undefined): string | undefined {
  return markdown === undefined ? undefined : /^# (.+)$/m.exec(markdown)?.[1]?.trim();
}
