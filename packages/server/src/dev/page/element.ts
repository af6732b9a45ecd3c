/** The element of index.html with this id. Throws when it is missing or of another kind: page and script do not fit. */
export function elementById<E extends Element>(
  id: string,
  kind: abstract new (...args: never) => E,
): E {
  const element = document.getElementById(id);
  if (element instanceof kind) return element;
  throw new Error(`#${id} is not a ${kind.name}`);
}

/** A new element. Text is always set as text, never as HTML. */
export function createElement(tag: string, className: string, text = ""): HTMLElement {
  const element = document.createElement(tag);
  if (className !== "") element.className = className;
  if (text !== "") element.textContent = text;
  return element;
}

/** Sets the text where it differs, so that screen readers do not hear the same again. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
