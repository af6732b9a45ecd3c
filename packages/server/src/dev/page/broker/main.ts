// The broker page: reads the HTTP API every second while it is visible. Read from the top: the parts of the page, what
// is read, what follows from it.
import { readBroker } from "./broker-api.ts";
import { createBrokerFigures } from "./broker-figures.ts";
import type { BrokerState } from "./broker-state.ts";
import { createDeclareForm } from "./declare-form.ts";
import { setUpExample } from "./example.ts";
import { createMessagesView } from "./messages-view.ts";
import { createPublishForm } from "./publish-form.ts";
import { createQueueTable } from "./queue-table.ts";
import { Reader, type Reading } from "./reader.ts";
import { createReadingView } from "./reading-view.ts";
import { createRoutesView } from "./routes-view.ts";

const everyMs = 1_000;
const patienceMs = 4_000;

const reader = new Reader<BrokerState>({
  read: readBroker,
  onState: showState,
  onReading: (reading) => showReading(reading),
  now: () => Date.now(),
  everyMs,
  patienceMs,
});
/** Something was changed from here: show it now, not in a second. */
const changed = (): void => reader.readNow();

const showFigures = createBrokerFigures();
const showStrip = createReadingView(changed);
const messages = createMessagesView(changed);
const publishForm = createPublishForm(changed);
const showDeclareForm = createDeclareForm(changed);
const queueTable = createQueueTable((queue) => messages.choose(queue));
const routes = createRoutesView(
  ({ kind, name }) => {
    if (kind === "queue") messages.choose(name);
    if (kind === "exchange") publishForm.choose(name, undefined);
  },
  async () => {
    const problem = await setUpExample();
    changed();
    return problem;
  },
);

const followVisibility = (): void => {
  if (document.hidden) reader.sleep();
  else reader.wake();
};
document.addEventListener("visibilitychange", followVisibility);
followVisibility();

function showState(state: BrokerState, readAt: number): void {
  showFigures(state, readAt);
  routes.show(state);
  queueTable.show(state.queues, readAt);
  messages.show(state.queues);
  publishForm.show(state.exchanges);
  showDeclareForm(state.exchanges);
}

function showReading(reading: Reading): void {
  showStrip(reading);
  const blank = blankOf(reading);
  if (blank === undefined) return;
  routes.showBlank(reading.kind === "denied" ? "denied" : "joining", blank);
  queueTable.showBlank(blank);
  messages.showBlank(blank);
}

/** What stands where nothing has been read yet. */
function blankOf(reading: Reading): string | undefined {
  switch (reading.kind) {
    case "loading":
    case "paused":
      return "Loading…";
    case "stale":
      return `Nothing read yet: ${reading.problem}.`;
    case "denied":
      return `The server does not let this page in: ${reading.problem}.`;
    case "current":
      return undefined;
  }
}
