import { describe, expect, test } from "bun:test";
import { parseConnectionClaims, parseSubscriptionClaims } from "./token-claims.ts";
import type { ConnectionClaims, SubscriptionClaims } from "@switchyard/core";

function connection(payload: string): ConnectionClaims {
  const result = parseConnectionClaims(payload);
  if (!result.ok) throw new Error(result.reason);
  return result.claims;
}

function subscription(payload: string): SubscriptionClaims {
  const result = parseSubscriptionClaims(payload);
  if (!result.ok) throw new Error(result.reason);
  return result.claims;
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const noOverride = {
  presence: undefined,
  joinLeave: undefined,
  forceRecovery: undefined,
  forcePositioning: undefined,
  forcePushJoinLeave: undefined,
};

describe("connection claims", () => {
  test("of an empty token are those of the anonymous user", () => {
    expect(connection("{}")).toEqual({
      user: "",
      info: undefined,
      expireAt: undefined,
      tokenId: undefined,
      issuedAt: undefined,
      subscriptions: new Map(),
      meta: undefined,
      capabilities: [],
    });
  });

  test("caps: one capability for each kind that an element names", () => {
    const caps = [
      { queues: ["a", "b"], exchanges: [""], allow: ["publish"] },
      { channels: ["orders:*"], match: "wildcard", allow: ["subscribe", "history"] },
    ];
    expect(connection(JSON.stringify({ caps })).capabilities).toEqual([
      { kind: "exchanges", patterns: [""], match: "exact", verbs: new Set(["publish"]) },
      { kind: "queues", patterns: ["a", "b"], match: "exact", verbs: new Set(["publish"]) },
      {
        kind: "channels",
        patterns: ["orders:*"],
        match: "wildcard",
        verbs: new Set(["subscribe", "history"]),
      },
    ]);
  });

  test("keep raw JSON byte for byte", () => {
    const claims = connection(
      '{"sub":"42","jti":"t","iat":5,"info" : { "n": 9007199254740993, "f":1.0 },"meta":[1E2, "\\u00e9"],"subs":{"a:\\"b\\"":{"data":9007199254740993,"info":{"x":1.50}}}}',
    );
    expect(String(claims.info)).toBe('{ "n": 9007199254740993, "f":1.0 }');
    expect(String(claims.meta)).toBe('[1E2, "\\u00e9"]');
    expect([claims.user, claims.tokenId, claims.issuedAt]).toEqual(["42", "t", 5]);
    const server = claims.subscriptions.get('a:"b"');
    expect([String(server?.data), String(server?.info)]).toEqual([
      "9007199254740993",
      '{"x":1.50}',
    ]);
  });

  test("raw newlines do not reach a frame", () => {
    expect(String(connection('{"info":{\n"a":1\r\n}}').info)).toBe('{ "a":1  }');
  });

  test("base64 beats the plain member; null and empty count as not given", () => {
    expect(
      String(connection(`{"info":1,"b64info":"${base64('{"n":9007199254740993}')}"}`).info),
    ).toBe('{"n":9007199254740993}');
    expect(String(connection('{"info":1,"b64info":""}').info)).toBe("1");
    expect(
      connection(
        '{"info":null,"meta":null,"sub":null,"channels":null,"subs":null,"expire_at":null,"channel":null}',
      ),
    ).toEqual(connection("{}"));
  });

  test("channels and subs become one map; subs say more and win", () => {
    const claims = connection(
      '{"channels":["a","b"],"subs":{"b":{"data":1,"override":{"presence":{"value":true},"join_leave":{"value":false},"force_recovery":true}},"c":{},"d":null}}',
    );
    const empty = { info: undefined, data: undefined, override: noOverride };
    expect([...claims.subscriptions.keys()]).toEqual(["a", "b", "c", "d"]);
    expect(claims.subscriptions.get("a")).toEqual(empty);
    expect(claims.subscriptions.get("c")).toEqual(empty);
    expect(claims.subscriptions.get("d")).toEqual(empty);
    expect(claims.subscriptions.get("b")?.override).toEqual({
      ...noOverride,
      presence: true,
      joinLeave: false,
      forceRecovery: true,
    });
    expect(
      String(
        connection(`{"subs":{"a":{"data":1,"b64data":"${base64("[2]")}"}}}`).subscriptions.get("a")
          ?.data,
      ),
    ).toBe("[2]");
  });

  test.each([
    ['{"exp":100}', 100],
    ['{"exp":100,"expire_at":200}', 200],
    ['{"exp":100,"expire_at":0}', undefined],
    ['{"expire_at":200}', 200],
    ["{}", undefined],
  ])("%s ends the connection at %p", (payload, expireAt) =>
    expect(connection(payload).expireAt).toBe(expireAt),
  );

  test.each([
    ['{"channel":"a"}', /channel/],
    ['{"channel":""}', /channel/],
    ['{"sub":42}', /sub/],
    ['{"channels":"a"}', /channels/],
    ['{"channels":[1]}', /channels\.0/],
    ['{"channels":[""]}', /channels\.0/],
    ['{"subs":["a"]}', /subs/],
    ['{"subs":{"":{}}}', /subs/],
    ['{"subs":{"__proto__":7}}', /subs\.__proto__/],
    ['{"subs":{"a":{"override":{"presence":{"value":1}}}}}', /subs\.a\.override/],
    ['{"subs":{"a":{"b64data":"!"}}}', /subs\.a\.b64data/],
    ['{"b64info":"not base64"}', /b64info/],
    ['{"caps":{}}', /caps/],
    ['{"caps":[{"allow":["publish"]}]}', /caps\.0: .*channels, exchanges, queues/],
    ['{"caps":[{"queues":["a"]}]}', /caps\.0\.allow/],
    ['{"caps":[{"queues":[],"allow":["bind"]}]}', /caps\.0\.queues/],
    ['{"caps":[{"queues":["a"],"allow":["consum"]}]}', /caps\.0\.allow\.0/],
    ['{"caps":[{"exchanges":["a"],"allow":["consume"]}]}', /caps\.0\.allow: .*exchanges.*consume/],
    ['{"caps":[{"queues":["a"],"allow":["bind"],"match":"regex"}]}', /caps\.0\.match/],
    ['{"caps":[{"queues":["a"],"allow":["bind"],"mach":"exact"}]}', /caps\.0/],
    [`{"b64info":"${base64("not json")}"}`, /b64info/],
    ['{"expire_at":"1"}', /expire_at/],
    ['{"expire_at":-1}', /expire_at/],
    ["[]", /./],
    ["null", /./],
    ["", /JSON/],
    ["{", /JSON/],
  ])("%s are refused", (payload, reason) => {
    const result = parseConnectionClaims(payload);
    expect(result.ok ? "read" : result.reason).toMatch(reason);
    expect(result.ok).toBe(false);
  });

  test("of any name do not touch prototypes, and are channels like others", () => {
    const claims = connection(
      '{"subs":{"constructor":{"data":1},"toString":{},"__proto__":{"data":2,"b64info":"Mw=="}},"__proto__":{"sub":"evil"},"sub":"42"}',
    );
    expect(claims.user).toBe("42");
    expect([...claims.subscriptions.keys()]).toEqual(["constructor", "toString", "__proto__"]);
    expect(String(claims.subscriptions.get("constructor")?.data)).toBe("1");
    const { data, info } = claims.subscriptions.get("__proto__") ?? {};
    expect([String(data), String(info)]).toEqual(["2", "3"]);
  });
});

describe("subscription claims", () => {
  test("with all members", () => {
    const payload =
      '{"sub":"42","channel":"a:b","client":"c1","info":{"n":1.0},"exp":9,"expire_at":0,"jti":"j","iat":1,"override":{"force_positioning":{"value":true},"force_push_join_leave":{"value":false}}}';
    expect(subscription(payload)).toEqual({
      user: "42",
      channel: "a:b",
      client: "c1",
      info: '{"n":1.0}' as never, // the brand of JsonText
      expireAt: undefined,
      tokenId: "j",
      issuedAt: 1,
      override: { ...noOverride, forcePositioning: true, forcePushJoinLeave: false },
    });
  });

  test("without sub are the anonymous user's, without client bind to none", () => {
    const claims = subscription('{"channel":"a","client":""}');
    expect([claims.user, claims.client]).toEqual(["", undefined]);
  });

  test.each([
    "{}",
    '{"channel":null}',
    '{"channel":""}',
    '{"channel":1}',
    '{"channel":"a","client":1}',
  ])("%s are refused", (payload) => {
    expect(parseSubscriptionClaims(payload).ok).toBe(false);
  });
});
