import { fileURLToPath } from "node:url";

const folder = new URL("./page/", import.meta.url);

/** What stands in for `{{…}}` in index.html. */
export interface PageTexts {
  readonly version: string;
  /** With spaces between them; shown as suggestions. */
  readonly namespaces: string;
  /** HTML: list items with links. */
  readonly docs: string;
}

/** `GET /`. */
export async function pageHtml(texts: PageTexts): Promise<string> {
  const template = await Bun.file(new URL("index.html", folder)).text();
  return template
    .replaceAll("{{version}}", () => escapeHtml(texts.version))
    .replaceAll("{{namespaces}}", () => escapeHtml(texts.namespaces))
    .replaceAll("{{docs}}", () => texts.docs);
}

/** A file of the page that is served as it is. */
export function pageFile(name: "page.css" | "icon.svg"): Promise<string> {
  return Bun.file(new URL(name, folder)).text();
}

/** The page's script with the stock SDK in it, as one module of about 130 KB. Rejects when a source does not compile. */
export async function buildPageScript(): Promise<string> {
  const { outputs } = await Bun.build({
    entrypoints: [fileURLToPath(new URL("main.ts", folder))],
    target: "browser",
    format: "esm",
    minify: true,
  });
  const script = outputs.find((output) => output.kind === "entry-point");
  if (script === undefined) throw new Error("The page's script was built into nothing");
  return script.text();
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
