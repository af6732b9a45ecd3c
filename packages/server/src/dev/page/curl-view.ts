import { elementById, setText } from "./element.ts";

/** The command that publishes to `channel` through the server API, for a POSIX shell. */
export function curlCommand(origin: string, channel: string): string {
  const body = JSON.stringify({ channel, data: { text: "hello from the backend" } });
  const quoted = `'${body.replaceAll("'", String.raw`'\''`)}'`;
  return `curl ${origin}/api/publish -H "X-API-Key: $SWITCHYARD_API_KEY" -d ${quoted}`;
}

/** The box with the command. Returns a function that puts another channel into it. */
export function createCurlView(): (channel: string) => void {
  const command = elementById("curl", HTMLElement);
  const copy = elementById("copy", HTMLButtonElement);
  copy.addEventListener("click", () => {
    void copyText(command).then((copied) => {
      setText(copy, copied ? "Copied" : "Press Ctrl+C");
      setTimeout(() => setText(copy, "Copy"), 2_000);
    });
  });
  return (channel) => setText(command, curlCommand(location.origin, channel));
}

/** Where the clipboard is closed to the page, the text is selected instead: false. */
async function copyText(element: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(element.textContent);
    return true;
  } catch {
    getSelection()?.selectAllChildren(element);
    return false;
  }
}
