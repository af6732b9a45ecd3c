/**
 * A fault that a test switches on, to show that its checker finds such ones; never set in production. `confirmBeforeCommit`:
 * publishers are told before the store has it. `loseUnsettled`: what a consumer had not settled when it vanished is
 * thrown away. `retryWithoutLedger`: a flush with an unknown outcome is stored again instead of sent again.
 */
export type PlantedBug = "confirmBeforeCommit" | "loseUnsettled" | "retryWithoutLedger";
