/** One turn of the event loop: every promise reaction that is ready has run when it fulfils. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
