import { elementById, setText } from "../element.ts";

/** Asks before something that cannot be undone; true: yes. The safe answer has the focus, and Escape gives it. */
export function createQuestion(): (text: string, yes: string) => Promise<boolean> {
  const dialog = elementById("question", HTMLDialogElement);
  const questionText = elementById("question-text", HTMLElement);
  const yesButton = elementById("question-yes", HTMLButtonElement);
  const noButton = elementById("question-no", HTMLButtonElement);
  yesButton.addEventListener("click", () => dialog.close("yes"));
  noButton.addEventListener("click", () => dialog.close(""));
  return (text, yes) => {
    if (dialog.open) return Promise.resolve(false);
    setText(questionText, text);
    setText(yesButton, yes);
    dialog.returnValue = "";
    dialog.showModal();
    noButton.focus();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
    });
  };
}
