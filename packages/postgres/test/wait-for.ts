/** Waits until `condition` holds. Throws after `timeoutMs`, default 15 000. */
export async function waitFor(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 15_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline)
      throw new Error(`Waited ${timeoutMs} ms in vain until ${what}.`);
    await Bun.sleep(5);
  }
}
