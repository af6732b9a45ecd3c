/** A request that cannot be decoded: broken JSON, or a member of the wrong type. Answered 400, or 107 on the legacy endpoint. */
export class MalformedBody extends Error {
  override readonly name = "MalformedBody";
}
