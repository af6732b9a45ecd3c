/** The services that bring a notification to a device without a live connection. */
export type PushProvider = "fcm" | "apns" | "webpush";

/** Where a provider finds a device. A Web Push subscription is its endpoint with the keys that encrypt for it. */
export type PushTarget =
  | { readonly provider: "fcm"; readonly kind: "token" | "fid"; readonly value: string }
  | {
      readonly provider: "apns";
      readonly token: string;
      readonly environment: "production" | "sandbox";
      readonly topic: string;
    }
  | {
      readonly provider: "webpush";
      readonly endpoint: string;
      /** base64url, uncompressed P-256 point (RFC 8291 section 2). */
      readonly p256dh: string;
      /** base64url, 16 bytes. */
      readonly auth: string;
    };

export interface PushMessage {
  /** Our id: the same in every attempt, so that a device that gets two shows one. */
  readonly notificationId: string;
  readonly target: PushTarget;
  readonly title: string | undefined;
  readonly body: string | undefined;
  /** Structured data for the app. Providers' limits are checked before anything is sent. */
  readonly data: Readonly<Record<string, string>>;
  readonly collapseKey: string | undefined;
  readonly priority: "normal" | "high";
  /** Milliseconds for which the provider may keep it; 0: now or never. */
  readonly ttlMs: number;
  /** Labels the device's class in the provider's own reports. */
  readonly deviceClass: string | undefined;
}

/**
 * What came of one attempt. `accepted` never means delivered. Only `accepted`, `tokenDead` and `rejectedPayload` are
 * final; how often the others are tried again is the caller's matter.
 */
export type PushOutcome =
  | { readonly kind: "accepted"; readonly providerId: string }
  /** The target is gone. `at`: Unix milliseconds since when, where the provider says; a target registered later stays. */
  | { readonly kind: "tokenDead"; readonly at: number | undefined }
  /** The provider does not know the target, which may be a mistake of ours: never removes it alone. */
  | { readonly kind: "tokenSuspect" }
  | { readonly kind: "rejectedPayload"; readonly field: string | undefined }
  /** Credentials or project are wrong: no attempt is spent, jobs wait for a new configuration. */
  | { readonly kind: "configError"; readonly scope: string }
  | { readonly kind: "throttled"; readonly scope: string; readonly retryAfterMs: number }
  | { readonly kind: "transient"; readonly retryAfterMs: number | undefined }
  /** The request may have been taken: the answer was lost. Retried, and marked. */
  | { readonly kind: "ambiguous" };

/** Sends to one provider. Minting credentials, limits on streams and the wire are inside. */
export interface PushSender {
  readonly provider: PushProvider;
  /**
   * One attempt. Expected outcomes are values; it rejects only when `signal` is aborted before anything was sent. Safe to
   * call in parallel; answers may come in any order.
   */
  send(message: PushMessage, options: { readonly signal: AbortSignal }): Promise<PushOutcome>;
  /** Finishes what is under way. */
  stop(): Promise<void>;
}
