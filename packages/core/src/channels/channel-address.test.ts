import { describe, expect, test } from "bun:test";
import { closedNamespace, openNamespace } from "@switchyard/testkit";
import { parseChannel } from "./channel-address.ts";
import type { NamespaceRules } from "./namespace.ts";
import { mayUse } from "./permissions.ts";
import { fitsFormat } from "./publication-format.ts";
import { type JsonText, toJsonText } from "@switchyard/protocol";

const digits = { ...closedNamespace, channelPattern: /^(?:[0-9]+)$/u };
const rules: NamespaceRules = {
  withoutNamespace: openNamespace,
  namespaces: new Map([
    ["chat", closedNamespace],
    ["digits", digits],
  ]),
  privatePrefix: "$",
};

const address = (name: string): unknown => {
  const parsed = parseChannel(name, rules);
  if (!parsed) return undefined;
  const { options, isPrivate, users, wellFormed } = parsed;
  const namespaces = { open: openNamespace, chat: closedNamespace, digits };
  const [namespace] = Object.entries(namespaces).find(([, one]) => one === options) ?? [];
  return { namespace, isPrivate, users, wellFormed };
};
const plain = { isPrivate: false, users: undefined, wellFormed: true };

describe("a channel's name", () => {
  const golden: readonly (readonly [string, unknown])[] = [
    ["news", { namespace: "open", ...plain }],
    ["chat:room", { namespace: "chat", ...plain }],
    ["chat:a:b", { namespace: "chat", ...plain }],
    ["nowhere:room", undefined],
    [":room", undefined],
    ["__proto__:room", undefined],
    ["$news", { namespace: "open", ...plain, isPrivate: true }],
    ["$chat:room", { namespace: "chat", ...plain, isPrivate: true }],
    ["chat:$room", { namespace: "chat", ...plain, isPrivate: true }],
    ["$nowhere:room", undefined],
    ["chat:room#1,2", { namespace: "chat", ...plain, users: ["1", "2"] }],
    ["#42", { namespace: "open", ...plain, users: ["42"] }],
    ["$chat:room#1", { namespace: "chat", isPrivate: true, users: ["1"], wellFormed: true }],
    ["digits:12", { namespace: "digits", ...plain }],
    ["digits:1a", { namespace: "digits", ...plain, wellFormed: false }],
    ["a b", { namespace: "open", ...plain, wellFormed: false }],
    ["chat:é", { namespace: "chat", ...plain, wellFormed: false }],
    ["chat:", { namespace: "chat", ...plain, wellFormed: false }],
    ["a\n", { namespace: "open", ...plain, wellFormed: false }],
  ];
  for (const [name, expected] of golden) {
    test(JSON.stringify(name), () => expect(address(name)).toEqual(expected));
  }

  test("channels without a namespace may be unknown too", () => {
    expect(parseChannel("news", { ...rules, withoutNamespace: undefined })).toBeUndefined();
  });
});

describe("permissions", () => {
  const ask = (
    options: object,
    user: string,
    subscribed: boolean,
    insecure = false,
    permitted = "",
  ): boolean => {
    const asker = { user, insecure, isPermitted: (verb: string) => verb === permitted };
    return mayUse("Publish", { ...closedNamespace, ...options }, asker, subscribed);
  };

  test("closed by default, open when insecure, or for whose token permits it", () => {
    expect([ask({}, "ann", true), ask({}, "", false, true)]).toEqual([false, true]);
    const byToken = ["publish", "subscribe"].map((verb) => ask({}, "ann", false, false, verb));
    expect(byToken).toEqual([true, false]);
  });

  test("clients, anonymous ones, subscribers", () => {
    const forClients = { allowPublishForClient: true };
    const forAll = { ...forClients, allowPublishForAnonymous: true };
    const forSubscribers = { allowPublishForSubscriber: true };
    expect([ask(forClients, "ann", false), ask(forClients, "", true)]).toEqual([true, false]);
    expect([ask(forAll, "", false), ask({ allowPublishForAnonymous: true }, "", false)]).toEqual([
      true,
      false,
    ]);
    expect([ask(forSubscribers, "ann", true), ask(forSubscribers, "ann", false)]).toEqual([
      true,
      false,
    ]);
  });
});

test("data formats", () => {
  const bytes = Uint8Array.of(1);
  const spaced = ' {"a":1}' as JsonText; // valid JSON
  const table = {
    any: [toJsonText(null), bytes],
    json: [toJsonText(null), toJsonText([])],
    json_object: [toJsonText({}), spaced],
    binary: [new Uint8Array(), toJsonText(1)],
  } as const;
  const misfits = {
    any: [new Uint8Array()],
    json: [bytes],
    json_object: [toJsonText("{}"), toJsonText(null), toJsonText([{}]), bytes],
    binary: [],
  } as const;
  for (const format of ["any", "json", "json_object", "binary"] as const) {
    for (const data of table[format]) expect(fitsFormat(data, format)).toBe(true);
    for (const data of misfits[format]) expect(fitsFormat(data, format)).toBe(false);
  }
});
