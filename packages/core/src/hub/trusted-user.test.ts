import { afterEach, expect, test } from "bun:test";
import { TestHubs } from "./harness/test-hubs.ts";

const hubs = new TestHubs();
afterEach(() => hubs.stop());

/** What a connect without a token comes to: the user's name, or the code that it is closed with. */
async function outcome(trustedUser: string | undefined, allowAnonymous: boolean): Promise<unknown> {
  const { hub } = await hubs.start({ client: { allowAnonymous } });
  const client = hub.open(trustedUser);
  const reply = await client.ask({ connect: {} }).catch(() => undefined);
  return reply?.["connect"]
    ? [...(await hub.operations.usersOnline("all")).keys()]
    : client.closedWith;
}

test("a gateway that names nobody lets in only whom everybody may be", async () => {
  expect(await outcome("ann", false)).toEqual(["ann"]);
  expect(await outcome("", false)).toBe(3501);
  expect(await outcome(undefined, false)).toBe(3501);
  expect(await outcome("", true)).toEqual([""]);
});
