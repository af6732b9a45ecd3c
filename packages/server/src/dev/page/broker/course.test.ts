import { expect, test } from "bun:test";
import { Course, Rate } from "./course.ts";

test("a course has one value per second; what was not looked at stays as it was", () => {
  const course = new Course(5_000);
  expect(course.perSecond).toEqual([]);
  course.add(10_000, 1);
  expect(course.perSecond).toEqual([1]);
  course.add(11_000, 2);
  course.add(14_000, 3);
  expect(course.perSecond).toEqual([1, 2, 2, 2, 3]);
  course.add(14_400, 4);
  expect(course.perSecond).toEqual([1, 2, 2, 2, 4]);
});

test("a course forgets what is older than it is long, but not the value that it began with", () => {
  const course = new Course(3_000);
  course.add(0, 7);
  for (const at of [8_000, 9_000, 10_000]) course.add(at, at / 1_000);
  expect(course.perSecond).toEqual([7, 8, 9, 10]);
  course.add(60_000, 1);
  expect(course.perSecond).toEqual([10, 10, 10, 1]);
});

test("a rate is per second between two looks, and unknown after one or when the count begins anew", () => {
  const rate = new Rate();
  expect(rate.add(1_000, 100)).toBeUndefined();
  expect(rate.add(3_000, 150)).toBe(25);
  expect(rate.add(3_000, 150)).toBe(25);
  expect(rate.add(3_500, 150)).toBe(0);
  expect(rate.add(4_500, 3)).toBeUndefined();
  expect(rate.add(5_500, 5)).toBe(2);
});
