/** Bytes that are not JSON were about to be written to a JSON client: that client is closed with 3506 (protocol 1.6). */
export class InappropriatePayload extends Error {
  override readonly name = "InappropriatePayload";
  constructor() {
    super("a payload that is not JSON cannot be sent to a JSON client");
  }
}
