import { expect, test } from "bun:test";
import { sliceElements, sliceMembers, type SliceTree } from "./member-slices.ts";

const text =
  ' { "a" : [ {"b\\"}":"]\\\\" , "c" : [ 1 ,{} ] },[],"x" , null ] ,"d":{ "e":{"f":[[2]]}},"g":7} ';

/** What `slice` and the parts noted below it stand for, as JSON. */
function spelled(slice: SliceTree): unknown {
  if (slice.members)
    return Object.fromEntries([...slice.members].map(([name, part]) => [name, spelled(part)]));
  return slice.elements?.map(spelled) ?? text.slice(slice.start, slice.end);
}

test("parts are noted as deep as was asked for, and no deeper", () => {
  const byDepth = [0, 1, 2].map((depth) =>
    spelled({ start: 0, end: 0, members: sliceMembers(text, 0, depth) }),
  );
  const first = '{"b\\"}":"]\\\\" , "c" : [ 1 ,{} ] }';
  expect(byDepth).toEqual([
    { a: `[ ${first},[],"x" , null ]`, d: '{ "e":{"f":[[2]]}}', g: "7" },
    { a: [first, "[]", '"x"', "null"], d: { e: '{"f":[[2]]}' }, g: "7" },
    {
      a: [{ 'b"}': '"]\\\\"', c: "[ 1 ,{} ]" }, [], '"x"', "null"],
      d: { e: { f: "[[2]]" } },
      g: "7",
    },
  ]);
});

test("a slice with parts is where one without is, and its parts are those found by starting there", () => {
  const [shallow, deep] = [sliceMembers(text, 0, 0), sliceMembers(text, 0, 9)];
  const place = (slice: SliceTree | undefined) => [slice?.start, slice?.end];
  expect([...deep].map(([name, slice]) => [name, place(slice)])).toEqual(
    [...shallow].map(([name, slice]) => [name, place(slice)]),
  );
  const elements = sliceElements(text, shallow.get("a")?.start);
  expect(deep.get("a")?.elements?.map(place)).toEqual(elements.map(place));
  const members = sliceMembers(text, shallow.get("d")?.start);
  expect(place(deep.get("d")?.members?.get("e"))).toEqual(place(members.get("e")));
});
