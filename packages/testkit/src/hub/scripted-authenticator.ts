import type {
  Authenticator,
  ConnectionClaims,
  SubscriptionClaims,
  SubscriptionOverride,
  TokenOutcome,
} from "@switchyard/core";

const noOverride: SubscriptionOverride = {
  presence: undefined,
  joinLeave: undefined,
  forceRecovery: undefined,
  forcePositioning: undefined,
  forcePushJoinLeave: undefined,
};

/**
 * Knows the tokens that a test has issued; every other is invalid. Answers come a turn later, as signature checks do.
 */
export class ScriptedAuthenticator implements Authenticator {
  readonly #connections = new Map<string, TokenOutcome<ConnectionClaims>>();
  readonly #subscriptions = new Map<string, TokenOutcome<SubscriptionClaims>>();

  issueConnection(token: string, claims: Partial<ConnectionClaims> = {}): string {
    const whole = {
      user: "",
      info: undefined,
      expireAt: undefined,
      tokenId: undefined,
      issuedAt: undefined,
      meta: undefined,
      capabilities: [],
    };
    this.#connections.set(token, {
      kind: "valid",
      claims: { ...whole, subscriptions: new Map(), ...claims },
    });
    return token;
  }

  issueSubscription(
    token: string,
    claims: Partial<SubscriptionClaims> & { readonly channel: string },
  ): string {
    const whole = {
      user: "",
      client: undefined,
      info: undefined,
      expireAt: undefined,
      tokenId: undefined,
      issuedAt: undefined,
    };
    this.#subscriptions.set(token, {
      kind: "valid",
      claims: { ...whole, override: noOverride, ...claims },
    });
    return token;
  }

  expire(token: string): string {
    this.#connections.set(token, { kind: "expired" });
    this.#subscriptions.set(token, { kind: "expired" });
    return token;
  }

  async connection(token: string): Promise<TokenOutcome<ConnectionClaims>> {
    return this.#connections.get(token) ?? { kind: "invalid", reason: "not issued by the test" };
  }

  async subscription(token: string): Promise<TokenOutcome<SubscriptionClaims>> {
    return this.#subscriptions.get(token) ?? { kind: "invalid", reason: "not issued by the test" };
  }
}
