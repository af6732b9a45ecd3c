/** Fulfils when `holds` answers true. Looked at every few milliseconds, so that the server has the processor; bounded by the test's timeout. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await Bun.sleep(3);
}
