import type { ConnectionRequest } from "@switchyard/core";
import { requestIdOf } from "../api/request-id.ts";
import type { EdgeOptions, EdgeServer } from "./edge-options.ts";

/** What the headers and the socket say about a client. */
export function connectionRequest(
  request: Request,
  server: EdgeServer,
  { random, isTrustedGateway }: Pick<EdgeOptions, "random" | "isTrustedGateway">,
): ConnectionRequest {
  const { headers } = request;
  // Without an address (a Unix socket) nobody is trusted.
  const remoteAddress = server.requestIP(request)?.address ?? "";
  const user = gatewayUser(headers);
  return {
    requestId: requestIdOf(headers, () => random.uuid()),
    remoteAddress,
    bearerToken: /^Bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "")?.[1],
    trustedUser:
      user !== undefined && remoteAddress !== "" && isTrustedGateway(remoteAddress)
        ? user
        : undefined,
  };
}

/**
 * A gateway that appends its header to one that the client sent makes two of them, which arrive joined by a comma: then
 * nobody can tell which is whose, and neither is believed.
 */
function gatewayUser(headers: Headers): string | undefined {
  const user = headers.get("x-user-id") ?? undefined;
  return user?.includes(",") === true ? undefined : user;
}
