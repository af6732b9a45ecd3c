import { beforeAll, describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { FakeClock, RecordingLog } from "@switchyard/testkit";
import { exportSPKI, generateKeyPair, SignJWT } from "jose";
import { createAuthenticator } from "./authenticator.ts";
import { signToken } from "./sign-token.ts";
import type { Authenticator } from "@switchyard/core";
import type { TokenConfig } from "../config/declaration.ts";
import type { CryptoKey, GenerateKeyPairResult } from "jose";

const secret = "secret-of-at-least-32-bytes-for-tests";
const nowSeconds = 1_700_000_000;
const clock = new FakeClock(nowSeconds * 1_000);
const noKeys: TokenConfig = {
  secret: undefined,
  rsaPublicKey: undefined,
  ecdsaPublicKey: undefined,
  jwksUrl: [],
  audience: undefined,
  issuer: undefined,
};

function authenticator(config: Partial<TokenConfig>): Authenticator {
  return createAuthenticator({ ...noKeys, ...config }, { clock, log: new RecordingLog() });
}

const base64url = (text: string): string => Buffer.from(text).toString("base64url");

/** A token with any header and payload, signed by HMAC as a hostile or careless client would. */
function forge(
  header: unknown,
  payload: string,
  key: string | Uint8Array = secret,
  hash = "sha256",
): string {
  const body = `${base64url(JSON.stringify(header))}.${base64url(payload)}`;
  return `${body}.${createHmac(hash, key).update(body).digest("base64url")}`;
}

let rsa: GenerateKeyPairResult;
let rsaPem = "";
const curves = new Map<string, { readonly keys: GenerateKeyPairResult; readonly pem: string }>();

beforeAll(async () => {
  rsa = await generateKeyPair("RS256");
  rsaPem = await exportSPKI(rsa.publicKey);
  for (const algorithm of ["ES256", "ES384", "ES512"]) {
    const keys = await generateKeyPair(algorithm);
    curves.set(algorithm, { keys, pem: await exportSPKI(keys.publicKey) });
  }
});

async function sign(
  algorithm: string,
  key: CryptoKey | Uint8Array,
  claims: Record<string, unknown> = { sub: "42" },
): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: algorithm }).sign(key);
}

async function outcome(config: Partial<TokenConfig>, token: string): Promise<string> {
  const result = await authenticator(config).connection(token);
  return result.kind === "valid" ? `valid ${result.claims.user}` : result.kind;
}

describe("HMAC", () => {
  test.each(["HS256", "HS384", "HS512"])(
    "%s is valid with the secret, invalid with another",
    async (algorithm) => {
      const bytes = new TextEncoder().encode(secret);
      expect(await outcome({ secret }, await sign(algorithm, bytes))).toBe("valid 42");
      expect(await outcome({ secret: `${secret}x` }, await sign(algorithm, bytes))).toBe("invalid");
    },
  );

  test("what signToken signs is valid, and its JSON comes through byte for byte", async () => {
    const token = await signToken(secret, {
      user: "42",
      issuedAt: nowSeconds,
      expiresAt: nowSeconds + 60,
      info: '{"n":9007199254740993}' as never,
      channels: ["a"],
    });
    const result = await authenticator({ secret }).connection(token);
    expect(result).toMatchObject({
      kind: "valid",
      claims: {
        user: "42",
        info: '{"n":9007199254740993}',
        expireAt: nowSeconds + 60,
        issuedAt: nowSeconds,
      },
    });
    const subscription = await signToken(secret, {
      user: "42",
      issuedAt: nowSeconds,
      expiresAt: undefined,
      channel: "a:b",
      client: "c",
    });
    expect(await authenticator({ secret }).subscription(subscription)).toMatchObject({
      kind: "valid",
      claims: { user: "42", channel: "a:b", client: "c", expireAt: undefined },
    });
  });

  test("connection and subscription tokens cannot stand in for each other", async () => {
    const connection = await signToken(secret, {
      user: "42",
      issuedAt: nowSeconds,
      expiresAt: undefined,
    });
    const subscription = await signToken(secret, {
      user: "42",
      issuedAt: nowSeconds,
      expiresAt: undefined,
      channel: "a",
    });
    const checking = authenticator({ secret });
    expect((await checking.connection(subscription)).kind).toBe("invalid");
    expect((await checking.subscription(connection)).kind).toBe("invalid");
    expect((await checking.connection(connection)).kind).toBe("valid");
    expect((await checking.subscription(subscription)).kind).toBe("valid");
  });
});

describe("public keys", () => {
  test.each(["RS256", "RS384", "RS512"])(
    "%s is valid with the RSA key, invalid with another",
    async (algorithm) => {
      const [own, other] = [await generateKeyPair(algorithm), await generateKeyPair(algorithm)];
      const rsaPublicKey = await exportSPKI(own.publicKey);
      expect(await outcome({ rsaPublicKey }, await sign(algorithm, own.privateKey))).toBe(
        "valid 42",
      );
      expect(await outcome({ rsaPublicKey }, await sign(algorithm, other.privateKey))).toBe(
        "invalid",
      );
    },
  );

  test.each(["ES256", "ES384", "ES512"])(
    "%s is valid with a key on its curve only",
    async (algorithm) => {
      for (const [curve, { pem }] of curves) {
        const token = await sign(
          algorithm,
          curves.get(algorithm)?.keys.privateKey ?? new Uint8Array(),
        );
        expect(await outcome({ ecdsaPublicKey: pem }, token)).toBe(
          curve === algorithm ? "valid 42" : "invalid",
        );
      }
    },
  );

  test("all kinds side by side", async () => {
    const ecdsa = curves.get("ES256");
    const config = {
      secret,
      rsaPublicKey: rsaPem,
      ...(ecdsa === undefined ? {} : { ecdsaPublicKey: ecdsa.pem }),
    };
    expect(await outcome(config, await sign("RS256", rsa.privateKey, { sub: "r" }))).toBe(
      "valid r",
    );
    expect(
      await outcome(
        config,
        await sign("ES256", ecdsa?.keys.privateKey ?? new Uint8Array(), { sub: "e" }),
      ),
    ).toBe("valid e");
    expect(
      await outcome(config, await sign("HS256", new TextEncoder().encode(secret), { sub: "h" })),
    ).toBe("valid h");
  });
});

describe("hostile tokens are invalid", () => {
  const claims = '{"sub":"admin"}';

  test("signed by HMAC with the public key as the secret", async () => {
    for (const key of [rsaPem, rsaPem.trim(), `${rsaPem.trim()}\n`]) {
      expect(await outcome({ rsaPublicKey: rsaPem }, forge({ alg: "HS256" }, claims, key))).toBe(
        "invalid",
      );
      expect(
        await outcome({ rsaPublicKey: rsaPem, secret }, forge({ alg: "HS256" }, claims, key)),
      ).toBe("invalid");
    }
  });

  test("without a signature, in every spelling", async () => {
    const everyKey = { secret, rsaPublicKey: rsaPem };
    for (const alg of ["none", "None", "NONE", "nOnE", "", "hs256"]) {
      const body = `${base64url(JSON.stringify({ alg }))}.${base64url(claims)}`;
      for (const token of [`${body}.`, body, `${body}.AA`, forge({ alg }, claims)])
        expect(await outcome(everyKey, token)).toBe("invalid");
    }
  });

  test("of an algorithm for which there is no key", async () => {
    expect(await outcome({ secret }, await sign("RS256", rsa.privateKey))).toBe("invalid");
    expect(await outcome({ rsaPublicKey: rsaPem }, forge({ alg: "HS256" }, claims))).toBe(
      "invalid",
    );
    const ps = await generateKeyPair("PS256");
    expect(
      await outcome(
        { rsaPublicKey: await exportSPKI(ps.publicKey) },
        await sign("PS256", ps.privateKey),
      ),
    ).toBe("invalid");
    expect(await outcome({}, forge({ alg: "HS256" }, claims))).toBe("invalid");
    expect(await outcome({ secret }, forge({ alg: "HS512" }, claims, secret, "sha256"))).toBe(
      "invalid",
    );
  });

  test("with keys of their own in the header", async () => {
    const header = {
      alg: "HS256",
      jwk: { kty: "oct", k: base64url("x") },
      jku: "http://127.0.0.1:1/",
      x5u: "http://127.0.0.1:1/",
      kid: "../../etc/passwd",
    };
    expect(await outcome({ secret }, forge(header, claims, "x"))).toBe("invalid");
    // The same header with the right secret: those members are ignored.
    expect(await outcome({ secret }, forge(header, claims))).toBe("valid admin");
    expect(await outcome({ secret }, forge({ ...header, crit: ["exp"], exp: 1 }, claims))).toBe(
      "invalid",
    );
    expect(
      await outcome({ secret }, forge({ alg: "HS256", b64: false, crit: ["b64"] }, claims)),
    ).toBe("invalid");
  });

  test("cut short, changed, or not tokens at all", async () => {
    const token = forge({ alg: "HS256" }, '{"sub":"42"}');
    expect(await outcome({ secret }, token)).toBe("valid 42");
    for (let length = 0; length < token.length; length += 1)
      expect(await outcome({ secret }, token.slice(0, length))).toBe("invalid");
    const [header = "", , signature = ""] = token.split(".");
    const others = [
      `${header}.${base64url('{"sub":"43"}')}.${signature}`,
      `${token}.x`,
      ` ${token}`,
      `${token}\n`,
      "...",
      "a.b.c",
      "",
      "\0",
      "é.é.é",
      `${token},${token}`,
    ];
    for (const other of others) expect(await outcome({ secret }, other)).toBe("invalid");
  });

  test("with payloads that are no claims", async () => {
    for (const payload of [
      "",
      "1",
      "[]",
      "null",
      '"x"',
      '{"sub":1}',
      '{"exp":"soon"}',
      '{"nbf":{}}',
      "{",
      "\u{feff}{}",
    ]) {
      expect(await outcome({ secret }, forge({ alg: "HS256" }, payload))).toBe("invalid");
    }
    for (const header of [null, [], "x", {}, { alg: 1 }, { alg: ["HS256"] }])
      expect(await outcome({ secret }, forge(header, claims))).toBe("invalid");
  });

  test("huge: unread above 64 KiB", async () => {
    const token = (bytes: number): string =>
      forge({ alg: "HS256" }, JSON.stringify({ sub: "42", info: "x".repeat(bytes) }));
    expect(await outcome({ secret }, token(40_000))).toBe("valid 42");
    expect(await outcome({ secret }, token(60_000))).toBe("invalid");
    expect(await outcome({ secret }, "a".repeat(50_000_000))).toBe("invalid");
  });
});

describe("times", () => {
  test.each([
    [{ exp: nowSeconds + 1 }, "valid 42"],
    [{ exp: nowSeconds }, "expired"],
    [{ exp: nowSeconds - 1 }, "expired"],
    [{ exp: 0 }, "expired"],
    [{ exp: nowSeconds + 0.5 }, "valid 42"],
    [{ nbf: nowSeconds }, "valid 42"],
    [{ nbf: nowSeconds + 1 }, "invalid"],
    [{ nbf: nowSeconds + 1, exp: nowSeconds - 1 }, "invalid"],
    [{ exp: nowSeconds - 1, expire_at: nowSeconds + 60 }, "expired"],
    [{}, "valid 42"],
  ])("%p: %s", async (claims, expected) => {
    expect(
      await outcome({ secret }, forge({ alg: "HS256" }, JSON.stringify({ sub: "42", ...claims }))),
    ).toBe(expected);
  });

  test("expired is said only when the signature holds", async () => {
    const claims = JSON.stringify({ sub: "42", exp: nowSeconds - 1 });
    expect(await outcome({ secret }, forge({ alg: "HS256" }, claims))).toBe("expired");
    expect(await outcome({ secret }, forge({ alg: "HS256" }, claims, "another"))).toBe("invalid");
  });
});

describe("audience and issuer", () => {
  const claims = (more: object): string =>
    forge({ alg: "HS256" }, JSON.stringify({ sub: "42", ...more }));

  test("are enforced when configured", async () => {
    const config = { secret, audience: "app", issuer: "me" };
    expect(await outcome(config, claims({ aud: "app", iss: "me" }))).toBe("valid 42");
    expect(await outcome(config, claims({ aud: ["other", "app"], iss: "me" }))).toBe("valid 42");
    for (const wrong of [
      { aud: "other", iss: "me" },
      { iss: "me" },
      { aud: "app", iss: "you" },
      { aud: "app" },
      { aud: [], iss: "me" },
    ]) {
      expect(await outcome(config, claims(wrong))).toBe("invalid");
    }
  });

  test("are ignored when not", async () => {
    expect(await outcome({ secret }, claims({ aud: "x", iss: "y" }))).toBe("valid 42");
  });
});
