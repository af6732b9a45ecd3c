import { isIPv4, isIPv6 } from "node:net";

/** A range of addresses: the first `prefix` bits of `bytes` are fixed. 4 bytes: IPv4, 16: IPv6. */
export interface AddressRange {
  readonly bytes: readonly number[];
  readonly prefix: number;
}

/**
 * Reads `10.0.0.0/8`, `fd00::/8` or a single address; undefined for anything else. Ranges of IPv4-mapped IPv6
 * addresses become IPv4 ranges. Bits behind the prefix are ignored.
 */
export function parseAddressRange(text: string): AddressRange | undefined {
  const match = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(text);
  const bytes = match?.[1] === undefined ? undefined : addressBytes(match[1]);
  if (bytes === undefined) return undefined;
  const prefix = match?.[2] === undefined ? bytes.length * 8 : Number(match[2]);
  if (prefix > bytes.length * 8) return undefined;
  if (prefix >= mappedBits && isMapped(bytes))
    return { bytes: bytes.slice(12), prefix: prefix - mappedBits };
  return { bytes, prefix };
}

/** Answers whether an address, as a socket reports it, lies in one of the ranges. Ranges that cannot be read match nothing. */
export function createAddressList(ranges: readonly string[]): (address: string) => boolean {
  const parsed = ranges.flatMap((text) => parseAddressRange(text) ?? []);
  if (parsed.length === 0) return () => false;
  return (address) => {
    // A scope (`fe80::1%eth0`) names the interface, not the address.
    const bytes = addressBytes(address.replace(/%.*$/, ""));
    if (bytes === undefined) return false;
    const plain = isMapped(bytes) ? bytes.slice(12) : bytes;
    return parsed.some((range) => contains(range, plain));
  };
}

/** Leading bits of ::ffff:0:0/96, under which IPv6 sockets report IPv4 peers. */
const mappedBits = 96;

function isMapped(bytes: readonly number[]): boolean {
  return (
    bytes.length === 16 &&
    bytes.slice(0, 10).every((byte) => byte === 0) &&
    bytes[10] === 255 &&
    bytes[11] === 255
  );
}

function contains(range: AddressRange, bytes: readonly number[]): boolean {
  if (range.bytes.length !== bytes.length) return false;
  for (let index = 0; index * 8 < range.prefix; index += 1) {
    const bits = Math.min(8, range.prefix - index * 8);
    const mask = (0xff << (8 - bits)) & 0xff;
    if (((bytes[index] ?? 0) & mask) !== ((range.bytes[index] ?? 0) & mask)) return false;
  }
  return true;
}

function addressBytes(address: string): number[] | undefined {
  if (isIPv4(address)) return address.split(".").map(Number);
  if (!isIPv6(address)) return undefined;
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(address);
  const [a = 0, b = 0, c = 0, d = 0] = tail?.[2]?.split(".").map(Number) ?? [];
  const groups =
    tail === null
      ? address
      : `${tail[1]}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  const [head = "", rest] = groups.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = rest === undefined || rest === "" ? [] : rest.split(":");
  const zeros: string[] = Array.from({ length: 8 - before.length - after.length }, () => "0");
  return [...before, ...zeros, ...after].flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
