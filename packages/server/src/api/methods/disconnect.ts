import { type DisconnectRequest, SwitchyardError } from "@switchyard/core";
import { apiMethod, emptyResult } from "../api-method.ts";
import { connectionTarget, readTarget } from "../connection-target.ts";
import { type RequestFields, uint32 } from "../request-fields.ts";

/** Codes that mean a disconnect to clients. Below are those of WebSocket itself, which a server must not send at will. */
const minCode = 3_000;
const maxCode = 4_999;

export const disconnect = apiMethod({
  name: "disconnect",
  read: (fields) => ({
    target: readTarget(fields),
    spare: fields.strings("whitelist"),
    disconnect: readDisconnect(fields.object("disconnect")),
  }),
  run: async ({ target, spare, disconnect }, { operations }) => {
    if (
      disconnect !== undefined &&
      disconnect.code !== 0 &&
      (disconnect.code < minCode || disconnect.code > maxCode)
    ) {
      throw new SwitchyardError("badRequest", {
        field: "disconnect.code",
        detail: `disconnect.code must be 0 or ${minCode} to ${maxCode}`,
      });
    }
    await operations.disconnect({ target: connectionTarget(target), spare, disconnect });
    return emptyResult;
  },
});

function readDisconnect(fields: RequestFields | undefined): DisconnectRequest["disconnect"] {
  return fields && { code: fields.integer("code", uint32), reason: fields.string("reason") };
}
