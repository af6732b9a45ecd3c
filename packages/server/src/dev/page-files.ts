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

/** `GET /broker/`. */
export async function brokerPageHtml(version: string): Promise<string> {
  const template = await pageFile("broker/index.html");
  return template.replaceAll("{{version}}", () => escapeHtml(version));
}

/** A file of the pages as it is. */
export function pageFile(
  name: "page.css" | "icon.svg" | "broker/broker.css" | "broker/index.html",
): Promise<string> {
  return Bun.file(new URL(name, folder)).text();
}

/** Where a page's script begins. */
export type PageEntry = "main.ts" | "broker/main.ts";

/**
 * A page's script as one module; the first page's has the stock SDK in it, about 130 KB. Rejects when a source does not
 * compile.
 */
export async function buildPageScript(entry: PageEntry): Promise<string> {
  const { outputs } = await Bun.build({
    entrypoints: [fileURLToPath(new URL(entry, folder))],
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
