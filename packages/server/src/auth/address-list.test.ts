import { describe, expect, test } from "bun:test";
import { createAddressList, parseAddressRange } from "./address-list.ts";

test.each([
  [["10.0.0.0/8"], "10.255.1.2", true],
  [["10.0.0.0/8"], "11.0.0.0", false],
  [["10.0.0.5/8"], "10.9.9.9", true],
  [["192.168.1.128/25"], "192.168.1.200", true],
  [["192.168.1.128/25"], "192.168.1.127", false],
  [["10.1.2.3"], "10.1.2.3", true],
  [["10.1.2.3"], "10.1.2.4", false],
  [["0.0.0.0/0"], "8.8.8.8", true],
  [["0.0.0.0/0"], "2001:db8::1", false],
  [["fd00::/8"], "fdab:1::9", true],
  [["fd00::/8"], "fe80::1", false],
  [["::/0"], "2001:db8::1", true],
  [["::/0"], "8.8.8.8", false],
  [["2001:db8::/33"], "2001:db8:7fff::", true],
  [["2001:db8::/33"], "2001:db8:8000::", false],
  [["::1"], "0:0:0:0:0:0:0:1", true],
  [["fe80::/10"], "fe80::1%eth0", true],
  [["10.0.0.0/8"], "::ffff:10.1.2.3", true],
  [["10.0.0.0/8"], "::ffff:a01:203", true],
  [["::ffff:10.0.0.0/104"], "10.1.2.3", true],
  [["::ffff:10.0.0.0/104"], "11.1.2.3", false],
  [["a::b", "10.0.0.1"], "10.0.0.1", true],
  [[], "10.0.0.1", false],
  [["10.0.0.0/8"], "", false],
  [["10.0.0.0/8"], "10.0.0", false],
  [["10.0.0.0/8"], "not an address", false],
  [["nonsense"], "10.0.0.1", false],
] satisfies [string[], string, boolean][])("%p holds %s: %p", (ranges, address, held) => {
  expect(createAddressList(ranges)(address)).toBe(held);
});

describe("ranges that are none", () => {
  test.each([
    "",
    "10.0.0.0/33",
    "::/129",
    "10.0.0.0/",
    "10.0.0.0/-1",
    "010.0.0.1",
    "10.0.0.256",
    "10.0.0",
    "::g",
    "fe80::1%eth0",
    "10.0.0.0/8/8",
    "*",
  ])("%p", (text) => {
    expect(parseAddressRange(text)).toBeUndefined();
  });
});
