import { toJsonText } from "@switchyard/protocol";
import { everyCapability } from "../../../auth/token-capabilities.ts";
import { SdkWorld } from "../../../sdk/harness/sdk-world.ts";
import { HttpWay } from "./http-way.ts";
import { SdkWay } from "./sdk-way.ts";
import type { Way } from "./way.ts";

export const ways = ["sdk", "http"] as const;

/** The real server, and programs that reach it both ways. */
export class SemanticsWorld implements AsyncDisposable {
  readonly sdk: SdkWorld;
  /** Everything, with the server's own key. */
  readonly http: HttpWay;

  private constructor(sdk: SdkWorld) {
    this.sdk = sdk;
    this.http = new HttpWay(() => sdk.server);
  }

  /** `env`: more `SWITCHYARD_*` variables. */
  static async start(env: Readonly<Record<string, string>> = {}): Promise<SemanticsWorld> {
    return new SemanticsWorld(await SdkWorld.start(env));
  }

  /** A client of its own for "sdk". */
  way(kind: (typeof ways)[number]): Promise<Way> {
    return kind === "sdk" ? this.client() : Promise.resolve(this.http);
  }

  /** `user`: "" is anonymous. `caps`: default all. */
  async client(user = "ann", caps: unknown = everyCapability()): Promise<SdkWay> {
    const token = await this.sdk.token(user, { caps: toJsonText(caps) });
    return new SdkWay(await this.sdk.connected("websocket", user, { token }));
  }

  /** With an API key of its own. */
  httpWith(key: string): HttpWay {
    return new HttpWay(() => this.sdk.server, key);
  }

  /** At once: an orderly end would take a second for each file, and is tested elsewhere. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.sdk.server.kill();
    await this.sdk[Symbol.asyncDispose]();
  }
}
