/** An error of an application's own method, as the caller is to see it: codes 400–1999. */
export class ApplicationError extends Error {
  override readonly name = "ApplicationError";
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    if (!Number.isInteger(code) || code < 400 || code > 1999)
      throw new RangeError("application codes are 400 to 1999");
    this.code = code;
  }
}
