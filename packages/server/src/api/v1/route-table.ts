import type { ApiRoute } from "./api-route.ts";
import { bindingRoutes } from "./binding-routes.ts";
import { consumeRoutes } from "./consume-routes.ts";
import { exchangeRoutes } from "./exchange-routes.ts";
import { messageRoutes } from "./message-routes.ts";
import { queueRoutes } from "./queue-routes.ts";
import { topologyRoutes } from "./topology-routes.ts";

/** Every operation of the HTTP API, in the order of the document. */
export const apiRoutes: readonly ApiRoute[] = [
  ...exchangeRoutes,
  ...queueRoutes,
  ...bindingRoutes,
  ...consumeRoutes,
  ...messageRoutes,
  ...topologyRoutes,
];
