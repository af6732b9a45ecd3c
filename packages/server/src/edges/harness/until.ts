import { turn } from "@switchyard/testkit";

/** Fulfils when `holds` answers true; asked once a turn. Bounded by the test's own timeout. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn();
}
