import { elementById, setText } from "../element.ts";

/** What was typed cannot be sent; said beside the form. */
export class FieldProblem extends Error {
  override readonly name = "FieldProblem";
  readonly field: HTMLElement;

  constructor(field: HTMLElement, message: string) {
    super(message);
    this.field = field;
  }
}

/** Its JSON; undefined when nothing is typed. Throws `FieldProblem`. */
export function jsonIn(
  field: HTMLInputElement | HTMLTextAreaElement,
  what: string,
  parse: (
    text: string,
  ) =>
    | { readonly ok: true; readonly data: unknown }
    | { readonly ok: false; readonly problem: string },
): unknown {
  if (field.value.trim() === "") return undefined;
  const input = parse(field.value);
  if (input.ok) return input.data;
  throw new FieldProblem(field, `${what}: ${input.problem}`);
}

/** A whole number; undefined when nothing is typed. Throws `FieldProblem`. */
export function integerIn(field: HTMLInputElement, what: string): number | undefined {
  if (!field.validity.valid) throw new FieldProblem(field, `${what} must be a whole number.`);
  return field.value === "" ? undefined : field.valueAsNumber;
}

/**
 * Runs `send` when the form is submitted, once at a time; it returns what to say. What goes wrong is said beside the
 * fields, which stay as they are.
 */
export function onSubmit(id: string, send: () => Promise<string>): void {
  const form = elementById(`${id}-form`, HTMLFormElement);
  const told = elementById(`${id}-told`, HTMLElement);
  const problem = elementById(`${id}-problem`, HTMLElement);
  const show = (text: string, wrong: string): void => {
    setText(told, text);
    setText(problem, wrong);
    problem.hidden = wrong === "";
  };
  let isSending = false;
  const submit = async (): Promise<void> => {
    if (isSending) return;
    isSending = true;
    show("", "");
    for (const field of form.elements) field.removeAttribute("aria-invalid");
    try {
      show(await send(), "");
    } catch (error) {
      show("", error instanceof Error ? error.message : String(error));
      if (error instanceof FieldProblem) {
        error.field.setAttribute("aria-invalid", "true");
        error.field.focus();
      }
    } finally {
      isSending = false;
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void submit();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    form.requestSubmit();
  });
}
