import { expect, test } from "bun:test";
import { BrokerProblem } from "./broker-api.ts";
import { Reader, type Reading } from "./reader.ts";

interface Question {
  readonly signal: AbortSignal;
  readonly answer: PromiseWithResolvers<string>;
}

/** A reader whose questions the test answers, and everything that it has told. */
function scripted(patienceMs = 60_000): {
  readonly reader: Reader<string>;
  readonly told: (Reading | string)[];
  readonly question: () => Promise<Question>;
} {
  const waiting: Question[] = [];
  let asked = Promise.withResolvers<void>();
  const told: (Reading | string)[] = [];
  let now = 0;
  const reader = new Reader<string>({
    read: (signal) => {
      const answer = Promise.withResolvers<string>();
      signal.addEventListener("abort", () => answer.reject(signal.reason as Error));
      waiting.push({ signal, answer });
      asked.resolve();
      return answer.promise;
    },
    onState: (state) => told.push(state),
    onReading: (reading) => told.push(reading),
    now: () => (now += 10),
    everyMs: 1,
    patienceMs,
  });
  return {
    reader,
    told,
    question: async () => {
      await asked.promise;
      asked = Promise.withResolvers();
      const question = waiting.pop();
      if (question === undefined) throw new Error("nothing was asked");
      expect(waiting).toEqual([]);
      return question;
    },
  };
}

test("reads again after each answer; a failure makes what is shown stale until the next answer", async () => {
  const { reader, told, question } = scripted();
  reader.wake();
  reader.wake();
  (await question()).answer.resolve("a");
  (await question()).answer.reject(new BrokerProblem("unreachable", "no answer"));
  (await question()).answer.reject(new BrokerProblem("denied", "not you"));
  (await question()).answer.resolve("b");
  await question();
  expect(told).toEqual([
    { kind: "loading" },
    "a",
    { kind: "current", readAt: 10 },
    { kind: "stale", readAt: 10, problem: "no answer" },
    { kind: "denied", problem: "not you" },
    "b",
    { kind: "current", readAt: 20 },
  ]);
  reader.sleep();
});

test("asleep it asks nothing, and takes no late answer; awake it asks at once", async () => {
  const { reader, told, question } = scripted();
  reader.wake();
  (await question()).answer.resolve("a");
  const late = await question();
  reader.sleep();
  reader.sleep();
  expect(late.signal.aborted).toBe(true);
  late.answer.resolve("late");
  reader.readNow();
  reader.wake();
  (await question()).answer.resolve("b");
  await question();
  reader.sleep();
  expect(told.slice(1)).toEqual([
    "a",
    { kind: "current", readAt: 10 },
    { kind: "paused", readAt: 10 },
    "b",
    { kind: "current", readAt: 20 },
    { kind: "paused", readAt: 20 },
  ]);
});

test("a question that is not answered in time is given up, and asked again", async () => {
  const { reader, told, question } = scripted(5);
  reader.wake();
  const first = await question();
  const second = await question();
  reader.sleep();
  expect([first.signal.aborted, second.signal.aborted]).toEqual([true, true]);
  expect(told[1]).toMatchObject({ kind: "stale", readAt: undefined });
});

test("asked to read now it gives up the question under way", async () => {
  const { reader, told, question } = scripted();
  reader.wake();
  const first = await question();
  reader.readNow();
  const second = await question();
  first.answer.resolve("old");
  second.answer.resolve("new");
  await question();
  reader.sleep();
  expect(told.filter((entry) => typeof entry === "string")).toEqual(["new"]);
});
