/** A replay cannot start or go on. The message says where and what to do; it is shown without a stack. */
export class ReplayError extends Error {
  override readonly name = "ReplayError";
}
