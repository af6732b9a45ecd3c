import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { SwitchyardError } from "@switchyard/core";
import { FakeClock, RecordingLog } from "@switchyard/testkit";
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from "jose";
import { createAuthenticator } from "./authenticator.ts";
import type { Authenticator } from "@switchyard/core";
import type { GenerateKeyPairResult, JWK } from "jose";
import type { JwksOptions } from "./jwks-keys.ts";

interface Issuer {
  keys: JWK[];
  answer: "set" | "failure" | "hang" | "redirect" | "huge" | "nonsense";
  requests: number;
}

let issuer: Issuer;
let server: ReturnType<typeof Bun.serve>;
let clock: FakeClock;
let log: RecordingLog;
let unchecked: number;

beforeEach(() => {
  clock = new FakeClock();
  log = new RecordingLog();
  unchecked = 0;
  issuer = { keys: [], answer: "set", requests: 0 };
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      issuer.requests += 1;
      switch (issuer.answer) {
        case "set":
          return Response.json({ keys: issuer.keys });
        case "failure":
          return new Response("", { status: 500 });
        case "hang":
          return Promise.withResolvers<Response>().promise;
        case "redirect":
          return Response.redirect(new URL("/elsewhere", request.url).href);
        case "huge":
          return new Response(`${JSON.stringify({ keys: issuer.keys })}${" ".repeat(2_000_000)}`);
        case "nonsense":
          return new Response('{"keys":7}');
      }
    },
  });
});
afterEach(() => server.stop(true));

function authenticator(jwks: JwksOptions = {}): Authenticator {
  const config = {
    secret: undefined,
    rsaPublicKey: undefined,
    ecdsaPublicKey: undefined,
    jwksUrl: [new URL("/jwks", server.url).href],
    audience: undefined,
    issuer: undefined,
  };
  return createAuthenticator(config, { clock, log, onUnchecked: () => (unchecked += 1) }, jwks);
}

interface IssuedKey {
  readonly algorithm: string;
  readonly keys: GenerateKeyPairResult;
  readonly kid: string | undefined;
}

async function publish(algorithm: string, kid?: string): Promise<IssuedKey> {
  const keys = await generateKeyPair(algorithm, { extractable: true });
  const jwk = await exportJWK(keys.publicKey);
  issuer.keys.push({ ...jwk, alg: algorithm, use: "sig", ...(kid === undefined ? {} : { kid }) });
  return { algorithm, keys, kid };
}

function tokenOf(
  { algorithm, keys, kid }: IssuedKey,
  claims: Record<string, unknown> = { sub: "42" },
): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: algorithm, ...(kid === undefined ? {} : { kid }) })
    .sign(keys.privateKey);
}

/** "valid", "expired", "invalid", or "unavailable" when the keys could not be had. */
async function outcome(checking: Authenticator, token: string): Promise<string> {
  return checking.connection(token).then(
    ({ kind }) => kind,
    () => "unavailable",
  );
}

describe("keys of a set", () => {
  test.each(["RS256", "PS256", "ES256", "ES512", "EdDSA"])("%s", async (algorithm) => {
    const own = await publish(algorithm, "a");
    await publish(algorithm, "b");
    const checking = authenticator();
    expect(await outcome(checking, await tokenOf(own))).toBe("valid");
    const forged: IssuedKey = { ...own, keys: await generateKeyPair(algorithm) };
    expect(await outcome(checking, await tokenOf(forged))).toBe("invalid");
    expect(await outcome(checking, await tokenOf(own, { exp: 1 }))).toBe("expired");
  });

  test("are all tried for a token that names none", async () => {
    const keys = [await publish("ES256"), await publish("ES256"), await publish("ES256")];
    const checking = authenticator();
    for (const key of keys) expect(await outcome(checking, await tokenOf(key))).toBe("valid");
    expect(
      await outcome(
        checking,
        await tokenOf({ algorithm: "ES256", keys: await generateKeyPair("ES256"), kid: undefined }),
      ),
    ).toBe("invalid");
  });

  test("never verify HMAC, not even a secret in the set", async () => {
    const { keys } = await publish("RS256", "a");
    issuer.keys.push({
      kty: "oct",
      k: Buffer.from("known").toString("base64url"),
      alg: "HS256",
      kid: "s",
    });
    const checking = authenticator();
    for (const secret of ["known", await exportSPKI(keys.publicKey)]) {
      const forged = await new SignJWT({ sub: "admin" })
        .setProtectedHeader({ alg: "HS256", kid: "s" })
        .sign(new TextEncoder().encode(secret));
      expect(await outcome(checking, forged)).toBe("invalid");
    }
    expect(issuer.requests).toBe(0);
  });
});

describe("fetches", () => {
  test("are one for all who wait, and none while the set is young", async () => {
    const token = await tokenOf(await publish("ES256", "a"));
    const checking = authenticator();
    const all = await Promise.all(Array.from({ length: 50 }, () => outcome(checking, token)));
    expect(new Set(all)).toEqual(new Set(["valid"]));
    clock.advanceNow(600_000);
    expect(await outcome(checking, token)).toBe("valid");
    expect(issuer.requests).toBe(1);
    clock.advanceNow(1);
    expect(await outcome(checking, token)).toBe("valid");
    expect(issuer.requests).toBe(2);
  });

  test("follow a rotation: the new key is found, the removed one is gone", async () => {
    const old = await publish("ES256", "old");
    const checking = authenticator();
    expect(await outcome(checking, await tokenOf(old))).toBe("valid");
    issuer.keys = [];
    const renewed = await publish("ES256", "new");
    // Too soon after the last fetch to know: the client may come back.
    expect(await outcome(checking, await tokenOf(renewed))).toBe("unavailable");
    expect(issuer.requests).toBe(1);
    clock.advanceNow(10_000);
    expect(await outcome(checking, await tokenOf(renewed))).toBe("valid");
    expect(issuer.requests).toBe(2);
    clock.advanceNow(10_000);
    expect(await outcome(checking, await tokenOf(old))).toBe("invalid");
    // That this key is missing is known now.
    expect(await outcome(checking, await tokenOf(old))).toBe("invalid");
    expect(issuer.requests).toBe(3);
  });

  test("an unknown key at the very first token is invalid after one fetch, until it is published", async () => {
    const late = await publish("ES256", "late");
    const keys = issuer.keys.splice(0);
    const checking = authenticator();
    expect(await outcome(checking, await tokenOf(late))).toBe("invalid");
    expect(await outcome(checking, await tokenOf(late))).toBe("invalid");
    expect(issuer.requests).toBe(1);
    issuer.keys = keys;
    clock.advanceNow(10_000);
    expect(await outcome(checking, await tokenOf(late))).toBe("valid");
    expect(issuer.requests).toBe(2);
  });

  test("what was missing before the last fetch may come back, what was asked for in it is invalid", async () => {
    const [late, never] = [await publish("ES256", "late"), await publish("ES256", "never")];
    issuer.keys = [];
    const checking = authenticator();
    expect(await outcome(checking, await tokenOf(late))).toBe("invalid");
    clock.advanceNow(10_000);
    expect(await outcome(checking, await tokenOf(never))).toBe("invalid");
    expect(await outcome(checking, await tokenOf(never))).toBe("invalid");
    expect(await outcome(checking, await tokenOf(late))).toBe("unavailable");
    expect(issuer.requests).toBe(2);
  });
});

describe("an issuer", () => {
  test.each(["failure", "redirect", "huge", "nonsense"] as const)(
    "that answers with %s makes keys unavailable, and is not asked again at once",
    async (answer) => {
      const token = await tokenOf(await publish("ES256", "a"));
      const checking = authenticator();
      issuer.answer = answer;
      expect(await outcome(checking, token)).toBe("unavailable");
      expect(await outcome(checking, token)).toBe("unavailable");
      expect(issuer.requests).toBe(1);
      issuer.answer = "set";
      clock.advanceNow(1_000);
      expect(await outcome(checking, token)).toBe("valid");
    },
  );

  test("that hangs is given up on", async () => {
    const token = await tokenOf(await publish("ES256", "a"));
    issuer.answer = "hang";
    const checking = authenticator({ timeoutMs: 50 });
    expect(await outcome(checking, token)).toBe("unavailable");
    issuer.answer = "set";
    clock.advanceNow(1_000);
    expect(await outcome(checking, token)).toBe("valid");
  });

  test("that is down makes keys unavailable", async () => {
    const token = await tokenOf(await publish("ES256", "a"));
    const checking = authenticator();
    await server.stop(true);
    expect(await outcome(checking, token)).toBe("unavailable");
  });

  test("that goes away leaves its last set in use, for a day", async () => {
    const own = await publish("ES256", "a");
    const checking = authenticator();
    expect(await outcome(checking, await tokenOf(own))).toBe("valid");
    issuer.answer = "failure";
    clock.advanceNow(86_400_000);
    expect(await outcome(checking, await tokenOf(own))).toBe("valid");
    const unknown: IssuedKey = { ...own, kid: "z" };
    expect(await outcome(checking, await tokenOf(unknown))).toBe("unavailable");
    clock.advanceNow(1_000);
    expect(await outcome(checking, await tokenOf(own))).toBe("unavailable");
  });
});

describe("what is said of an issuer that is away", () => {
  const said = (): unknown[] => log.lines.map(({ level, fields }) => [level, fields]);
  const place = (): string => new URL("/jwks", server.url).href;

  test("is one warning a minute without a stack, however many tokens come; each is counted", async () => {
    issuer.answer = "failure";
    const checking = authenticator();
    const forged = await tokenOf(await publish("ES256", "a"));
    for (let sent = 0; sent < 20; sent += 1)
      expect(await outcome(checking, forged)).toBe("unavailable");
    const reason = "Expected 200 OK from the JSON Web Key Set HTTP response";
    expect(said()).toEqual([["warn", { url: place(), reason, tokens: 1 }]]);
    expect(unchecked).toBe(20);
    clock.advanceNow(59_999);
    await outcome(checking, forged);
    expect(log.lines).toHaveLength(1);
    clock.advanceNow(1);
    await outcome(checking, forged);
    expect(said().slice(1)).toEqual([["warn", { url: place(), reason, tokens: 21 }]]);
  });

  test("is said of unknown keys too, and what the connection logs of it is for debugging", async () => {
    const own = await publish("ES256", "a");
    const checking = authenticator();
    await outcome(checking, await tokenOf(own));
    const error: unknown = await checking
      .connection(await tokenOf({ ...own, kid: "forged" }))
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SwitchyardError);
    expect(error).toMatchObject({ kind: "keysUnavailable", row: { code: 100, logLevel: "debug" } });
    const reason = "unknown key, too soon after the last fetch";
    expect(said()).toEqual([["warn", { url: place(), reason, tokens: 1 }]]);
  });

  test("is said while its last set serves, of which no token is refused", async () => {
    const token = await tokenOf(await publish("ES256", "a"));
    const checking = authenticator();
    await outcome(checking, token);
    issuer.answer = "failure";
    clock.advanceNow(600_001);
    expect(await outcome(checking, token)).toBe("valid");
    expect(said()).toMatchObject([["warn", { tokens: 0 }]]);
    expect(unchecked).toBe(0);
  });
});
