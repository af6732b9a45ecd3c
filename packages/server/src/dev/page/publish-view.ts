import { elementById, setText } from "./element.ts";
import { parseJsonInput } from "./json-input.ts";

/** Publishes; resolves to what went wrong, undefined when nothing did. */
export type Publish = (data: unknown) => Promise<string | undefined>;

/** The publish box. What is wrong is told beside the text, which stays as it is. Returns a function that enables it. */
export function createPublishView(publish: Publish): (enabled: boolean) => void {
  const form = elementById("publish-form", HTMLFormElement);
  const field = elementById("data", HTMLTextAreaElement);
  const button = elementById("publish", HTMLButtonElement);
  const problem = elementById("publish-problem", HTMLElement);

  const show = (text: string | undefined): void => {
    setText(problem, text ?? "");
    problem.hidden = text === undefined;
    field.setAttribute("aria-invalid", String(text !== undefined));
  };

  field.addEventListener("input", () => show(undefined));
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    form.requestSubmit();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (button.getAttribute("aria-disabled") === "true") {
      show("Join a channel first: this one is not joined.");
      return;
    }
    const input = parseJsonInput(field.value);
    if (!input.ok) {
      show(input.problem);
      field.focus();
      return;
    }
    show(undefined);
    void publish(input.data).then(show);
  });

  // aria-disabled, not disabled: the button keeps its place in the focus order, and says why it does nothing.
  return (enabled) => button.setAttribute("aria-disabled", String(!enabled));
}
