import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { startServer } from "@switchyard/testkit";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { launchChromium } from "./harness/launch-chromium.ts";

let server: Awaited<ReturnType<typeof startServer>>;
let browser: Browser;
const contexts: BrowserContext[] = [];
/** What any page has complained about: nothing should. */
let complaints: string[] = [];

beforeAll(async () => {
  server = await startServer();
  browser = await launchChromium();
});

afterEach(async () => {
  await Promise.all(contexts.splice(0).map((context) => context.close()));
  const told = complaints;
  complaints = [];
  expect(told).toEqual([]);
});

afterAll(async () => {
  await browser.close();
  await server[Symbol.asyncDispose]();
});

/** A visitor with a browser profile of their own, whose page has joined `channel`. */
async function visit(
  channel: string,
  options: Parameters<Browser["newContext"]>[0] = {},
): Promise<Page> {
  const context = await browser.newContext(options);
  contexts.push(context);
  return openTab(context, channel);
}

async function openTab(context: BrowserContext, channel: string, url = server.url): Promise<Page> {
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    // Chromium tells of every refused connection itself; those are part of what is tested here.
    if (message.type() === "error" && !message.text().includes("ERR_CONNECTION_REFUSED"))
      complaints.push(message.text());
  });
  await page.goto(url);
  await joined(page);
  await page.fill("#channel", channel);
  await page.click("#join");
  await joined(page, channel);
  return page;
}

async function joined(page: Page, channel = ""): Promise<void> {
  await page.locator("#channel-status[data-state=joined]", { hasText: channel }).waitFor();
}

async function publish(page: Page, json: string): Promise<void> {
  await page.fill("#data", json);
  await page.click("#publish");
}

/** The page's publications, newest first: offset, publisher and data. */
async function publications(page: Page, count: number): Promise<readonly (readonly string[])[]> {
  await page.locator(`#publications > li:nth-child(${count})`).waitFor();
  const rows = await page.locator("#publications > li").all();
  return Promise.all(
    rows.map(async (row) => [
      await row.locator(".offset").innerText(),
      await row.locator(".publisher").innerText(),
      await row.locator(".data").innerText(),
    ]),
  );
}

async function publishByApi(channel: string, data: unknown): Promise<void> {
  const response = await fetch(`${server.url}/api/publish`, {
    method: "POST",
    headers: { "X-API-Key": server.apiKey },
    body: JSON.stringify({ channel, data }),
  });
  expect(await response.json()).toMatchObject({ result: { offset: expect.any(Number) } });
}

const userOf = (page: Page): Promise<string> => page.locator("#user").innerText();
const stateOf = (page: Page, state: string): Promise<void> =>
  page.locator(`#connection[data-state=${state}]`).waitFor();

test("visitors see each other, and what each of them and the backend publishes", async () => {
  const channel = "chat:two-visitors";
  const ann = await visit(channel);
  const bob = await visit(channel);
  const bobsOtherTab = await openTab(bob.context(), channel);
  const [annsName, bobsName] = [await userOf(ann), await userOf(bob)];
  expect(await userOf(bobsOtherTab)).toBe(bobsName);

  await ann.locator("#presence-count", { hasText: "2 users, 3 connections" }).waitFor();
  expect(await ann.locator("#presence .person.own .name").innerText()).toStartWith(annsName);
  expect(await ann.locator("#presence .person:not(.own) .name").allInnerTexts()).toEqual([
    bobsName,
  ]);
  expect(await ann.locator("#presence .person:not(.own) .connection-id").count()).toBe(2);

  await publish(ann, '{"text": "from Ann"}');
  await publications(bob, 1);
  await publish(bob, "[1, 2]");
  await publications(ann, 2);
  await publishByApi(channel, { text: "from the backend" });
  const asBobSees = [
    ["#3", "server API", '{"text":"from the backend"}'],
    ["#2", `${bobsName}you`, "[1,2]"],
    ["#1", annsName, '{"text":"from Ann"}'],
  ];
  expect(await publications(bob, 3)).toEqual(asBobSees);
  expect(await publications(bobsOtherTab, 3)).toEqual(
    asBobSees.map((row) => row.map((cell) => cell.replace(`${bobsName}you`, bobsName))),
  );
  expect(await bob.locator("#latency").innerText()).toMatch(/^[\d.]+ ms$/);
  await bob.locator("#round-trip", { hasText: "ms" }).waitFor();

  await bobsOtherTab.close();
  await ann.locator("#presence-count", { hasText: "2 users, 2 connections" }).waitFor();

  const late = await visit(channel);
  expect((await publications(late, 3)).map(([offset]) => offset)).toEqual(["#3", "#2", "#1"]);
  expect(await late.locator("#publications > li .time").allInnerTexts()).toEqual([
    "earlier",
    "earlier",
    "earlier",
  ]);
});

test("what was published while the visitor was away is recovered", async () => {
  const channel = "chat:away";
  const page = await visit(channel);
  await page.click("#connect");
  await stateOf(page, "stopped");
  expect(await page.locator("#round-trip").innerText()).toBe("–");
  for (const number of [1, 2, 3]) await publishByApi(channel, number);
  await page.click("#connect");
  await page.locator("#recovery", { hasText: "Recovered 3 publications" }).waitFor();
  expect((await publications(page, 3)).map(([offset, , data]) => [offset, data])).toEqual([
    ["#3", "3"],
    ["#2", "2"],
    ["#1", "1"],
  ]);
  expect(await page.locator("#publications > li .time").allInnerTexts()).toEqual([
    "recovered",
    "recovered",
    "recovered",
  ]);
});

test.each(["websocket", "http_stream", "sse"])(
  "the visitor chooses the transport: %s",
  async (transport) => {
    const channel = `chat:over-${transport}`;
    const page = await visit(channel);
    await publishByApi(channel, "before");
    await publications(page, 1);
    await page.selectOption("#transport", transport);
    const names: Readonly<Record<string, string>> = {
      websocket: "WebSocket",
      http_stream: "HTTP stream",
      sse: "SSE",
    };
    await page
      .locator("#connection[data-state=live] #state-detail", {
        hasText: `over ${names[transport]}`,
      })
      .waitFor();
    await joined(page, channel);
    await publish(page, '"after"');
    // The other client of the page went on where the first one was: nothing missing, nothing twice.
    expect((await publications(page, 2)).map(([offset, , data]) => [offset, data])).toEqual([
      ["#2", '"after"'],
      ["#1", '"before"'],
    ]);
  },
);

test("a killed server is counted down to, and the page is live again when it is back", async () => {
  const channel = "chat:outage";
  await using doomed = await startServer();
  const port = new URL(doomed.url).port;
  const context = await browser.newContext();
  contexts.push(context);
  const page = await openTab(context, channel, doomed.url);

  await doomed.kill();
  await stateOf(page, "waiting");
  // Several tries fail; before each, the label counts the seconds down to its beginning.
  await page.locator("#state-detail", { hasText: "try 4" }).waitFor();
  const label = page.locator("#state-label");
  await label.filter({ hasText: /^Reconnecting in [3-8] s$/ }).waitFor();
  await label.filter({ hasText: /^Reconnecting in 1 s$/ }).waitFor();
  await page.locator("#state-detail", { hasText: "try 5" }).waitFor();
  expect(await page.locator("#state-announcement").innerText()).toContain("Reconnecting in");
  expect(await page.locator("#round-trip").innerText()).toBe("–");

  await using again = await startServer({ dataDir: doomed.dataDir, args: ["--http-port", port] });
  expect(again.url).toBe(doomed.url);
  await page.click("#try-now").catch(() => undefined); // the next try may have begun by itself
  await stateOf(page, "live");
  await joined(page, channel);
  // The streams of a killed server are gone: the page says so, and goes on.
  await page.locator("#recovery", { hasText: "Could not recover" }).waitFor();
  await publish(page, '"back"');
  expect((await publications(page, 1))[0]?.[2]).toBe('"back"');
});

test("what cannot be published is told beside the box", async () => {
  const page = await visit("chat:mistakes");
  await publish(page, '{"text": }');
  const problem = page.locator("#publish-problem");
  await problem.filter({ hasText: "This is not JSON: Unexpected token '}'" }).waitFor();
  expect(await page.locator("#data").getAttribute("aria-invalid")).toBe("true");
  await publish(page, "  ");
  await problem.filter({ hasText: "Nothing to publish" }).waitFor();
  await publish(page, '{\n  "a": 1,\n  b\n}');
  await problem.filter({ hasText: "(line 3, column 3)" }).waitFor();
  await publish(page, "1");
  await problem.waitFor({ state: "hidden" });
  expect((await publications(page, 1)).map(([, , data]) => data)).toEqual(["1"]);
});

test("a channel that the server refuses shows why, and the page goes on", async () => {
  const page = await visit("chat:allowed");
  const status = page.locator("#channel-status[data-state=denied]");
  await page.fill("#channel", "nowhere:x");
  await page.click("#join");
  await status
    .filter({
      hasText:
        "unknown channel (code 102). No such namespace. Configured are: inventory, orders, chat, demo.",
    })
    .waitFor();
  await page.fill("#channel", "chat:$private");
  await page.click("#join");
  await status.filter({ hasText: "permission denied (code 103)" }).waitFor();
  await page.press("#data", "ControlOrMeta+Enter");
  await page.locator("#publish-problem", { hasText: "Join a channel first" }).waitFor();
  await stateOf(page, "live");
  await page.fill("#channel", "chat:allowed");
  await page.click("#join");
  await joined(page, "chat:allowed");
});

test("a connection that the server ends for good is shown as refused, and tried again only when asked", async () => {
  const page = await visit("chat:refused");
  await fetch(`${server.url}/api/disconnect`, {
    method: "POST",
    headers: { "X-API-Key": server.apiKey },
    body: JSON.stringify({
      user: await userOf(page),
      disconnect: { code: 4501, reason: "off you go" },
    }),
  });
  await stateOf(page, "refused");
  expect(await page.locator("#state-label").innerText()).toBe("Refused");
  expect(await page.locator("#state-detail").innerText()).toBe("off you go (code 4501)");
  await page.click("#connect");
  await stateOf(page, "live");
});

test("everything can be done with the keyboard alone", async () => {
  const page = await visit("chat:keyboard");
  await page.reload();
  await joined(page, "chat:lobby");
  const focused = (): Promise<string> =>
    page.evaluate("document.activeElement.id || document.activeElement.className");
  const order: string[] = [];
  for (let press = 0; press < 9; press += 1) {
    await page.keyboard.press("Tab");
    order.push(await focused());
  }
  expect(order).toEqual([
    "skip",
    "to-broker",
    "new-user",
    "transport",
    "connect",
    "channel",
    "join",
    "data",
    "publish",
  ]);

  await page.focus("#channel");
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type("chat:by-keys");
  await page.keyboard.press("Enter");
  await joined(page, "chat:by-keys");
  await page.focus("#data");
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type('"typed"');
  await page.keyboard.press("ControlOrMeta+Enter");
  expect((await publications(page, 1)).map(([, , data]) => data)).toEqual(['"typed"']);
});

test("what a publication holds is text, and the page loads nothing from elsewhere", async () => {
  const channel = "chat:markup";
  const page = await visit(channel);
  const requested: string[] = [];
  page.on("request", (request) => requested.push(new URL(request.url()).origin));
  await publishByApi(
    channel,
    "<img src=https://elsewhere.test/x.png onerror=document.title='run'>",
  );
  expect((await publications(page, 1))[0]?.[2]).toContain("<img src=https");
  expect(await page.locator("#publications img").count()).toBe(0);
  await page.reload();
  await joined(page);
  expect([...new Set(requested)]).toEqual([new URL(server.url).origin]);
  expect(await page.title()).toBe("Switchyard");
});

test("the page keeps 200 rows, and fits a small phone", async () => {
  const channel = "chat:many";
  const page = await visit(channel, { viewport: { width: 360, height: 740 } });
  for (let number = 1; number <= 210; number += 1)
    await publishByApi(channel, { number, text: "x".repeat(300) });
  await page.locator("#publications > li:first-child .offset", { hasText: "#210" }).waitFor();
  expect(await page.locator("#publications > li").count()).toBe(200);
  expect(await page.locator("#publications > li:last-child .offset").innerText()).toBe("#11");
  expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(360);
});
