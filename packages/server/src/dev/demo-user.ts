import type { Random } from "@switchyard/core";

const colours = [
  "amber",
  "azure",
  "coral",
  "indigo",
  "ivory",
  "jade",
  "ochre",
  "olive",
  "ruby",
  "scarlet",
  "silver",
  "teal",
];
const birds = [
  "avocet",
  "bittern",
  "curlew",
  "dunlin",
  "egret",
  "finch",
  "heron",
  "jackdaw",
  "kestrel",
  "lapwing",
  "plover",
  "wren",
];

/** A name for a visitor who brings none, such as `amber-heron-407`; 129,600 of them. */
export function randomDemoUser(random: Random): string {
  const pick = (names: readonly string[]): string =>
    names[Math.floor(random.next() * names.length)] ?? "guest";
  return `${pick(colours)}-${pick(birds)}-${100 + Math.floor(random.next() * 900)}`;
}
