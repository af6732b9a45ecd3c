// The first page: a client of this server like any other, on the stock SDK. Read from the top: who the visitor is,
// the parts of the page, the connection, the channel, the measurements.
import type { StreamPosition } from "centrifuge";
import {
  ChannelSession,
  type ChannelObserver,
  errorCode,
  errorMessage,
} from "./channel-session.ts";
import type { ChannelState } from "./channel-state.ts";
import { createChannelView } from "./channel-view.ts";
import type { ConnectionState } from "./connection-state.ts";
import { createConnectionView } from "./connection-view.ts";
import { createCurlView } from "./curl-view.ts";
import { DemoIdentity } from "./demo-identity.ts";
import { elementById, setText } from "./element.ts";
import { createFiguresView } from "./figures-view.ts";
import { LiveConnection, type TransportChoice } from "./live-connection.ts";
import { createPresenceList } from "./presence-list.ts";
import { createPublicationList } from "./publication-list.ts";
import { createPublishView } from "./publish-view.ts";

const probeEveryMs = 2_000;
const namespaces = (document.documentElement.dataset["namespaces"] ?? "")
  .split(" ")
  .filter((name) => name !== "");
const userName = elementById("user", HTMLElement);
const identity = new DemoIdentity((user) => setText(userName, user));

let transport: TransportChoice = "auto";
let session: ChannelSession | undefined;
/** The position that the session has read up to. */
let position: StreamPosition | undefined;
/** When own publications were handed to the SDK, oldest first: the server keeps their order within a channel. */
let sent: { readonly at: number }[] = [];

const figures = createFiguresView();
const publications = createPublicationList();
const presence = createPresenceList();
const showCommand = createCurlView();
const showConnection = createConnectionView({
  connect: () => connection.connect(),
  disconnect: () => connection.disconnect(),
  retryNow: () => connection.retryNow(),
  chooseTransport: (choice) => {
    transport = choice;
    replaceConnection();
  },
});
const channelView = createChannelView({ join, leave }, namespaces);
const enablePublish = createPublishView(publish);
channelView.onEdit = () => showCommand(channelView.channel);
elementById("new-user", HTMLButtonElement).addEventListener("click", () => {
  identity.forget();
  replaceConnection();
});

let connection = openConnection();
showCommand(channelView.channel);
showChannel({ kind: "none" });
join(channelView.channel);
setInterval(() => void probe(), probeEveryMs);

function openConnection(): LiveConnection {
  const opened = new LiveConnection({
    transport,
    getToken: () => identity.token(),
    onState: connectionChanged,
  });
  opened.connect();
  return opened;
}

/** Another user or transport needs another SDK client; the channel goes on where the old one has read up to. */
function replaceConnection(): void {
  const channel = session?.channel;
  const since = position;
  session?.leave();
  session = undefined;
  connection.discard();
  connection = openConnection();
  if (channel !== undefined) openSession(channel, since);
}

function connectionChanged(state: ConnectionState): void {
  showConnection(state);
  channelView.setLive(state.kind === "live");
  if (state.kind === "live") {
    void probe();
    return;
  }
  figures.disconnected();
  sent = [];
  if (session !== undefined) presence.showBlank("Known again once the connection is live.");
}

function join(channel: string): void {
  session?.leave();
  publications.clear();
  openSession(channel, undefined);
  showCommand(channel);
}

function openSession(channel: string, since: StreamPosition | undefined): void {
  position = since;
  sent = [];
  session = new ChannelSession(connection.centrifuge, channel, since, observerOf(channel));
}

function leave(): void {
  session?.leave();
  session = undefined;
  position = undefined;
  showChannel({ kind: "none" });
}

function observerOf(channel: string): ChannelObserver {
  return {
    stateChanged: showChannel,
    positionChanged: (next) => (position = next),
    received: (publication) => {
      figures.publication();
      publications.add(publication, ownClient());
      if (publication.publisher?.client === ownClient()) {
        const call = sent.shift();
        if (call !== undefined) figures.latency(performance.now() - call.at);
      }
    },
    loaded: (earlier) => publications.append(earlier, ownClient()),
    presenceChanged: (clients) => presence.show(clients, ownClient()),
    presenceDenied: (reason) => presence.showBlank(`Not shown for ${channel}: ${reason}.`),
  };
}

function showChannel(state: ChannelState): void {
  channelView.show(state);
  enablePublish(state.kind === "joined");
  switch (state.kind) {
    case "none":
      publications.showBlank({ kind: "none" });
      presence.showBlank("Join a channel to see who is there.");
      return;
    case "joining":
      publications.showBlank({ kind: "joining" });
      return;
    case "joined":
      publications.showBlank({ kind: "empty" });
      return;
    case "denied":
      publications.showBlank({
        kind: "denied",
        text: `The server does not let you into ${state.channel}: ${state.reason}.`,
      });
      presence.showBlank("Only shown for a channel that you may join.");
      return;
  }
}

async function publish(data: unknown): Promise<string | undefined> {
  if (session === undefined) return "Join a channel first: this one is not joined.";
  const call = { at: performance.now() };
  sent.push(call);
  try {
    await session.publish(data);
    return undefined;
  } catch (error) {
    sent = sent.filter((other) => other !== call);
    return `Not published: ${errorMessage(error)} (code ${errorCode(error)}).`;
  }
}

/** One command and its answer: the round trip through the server. Any answer counts, a refusal as well. */
async function probe(): Promise<void> {
  if (connection.state.kind !== "live" || document.hidden) return;
  const probed = connection;
  const channel = session?.channel ?? channelView.channel;
  const began = performance.now();
  let clients: number | undefined;
  try {
    clients = (await probed.centrifuge.presenceStats(channel)).numClients;
  } catch (error) {
    if (errorCode(error) < 100) return; // the connection went away
  }
  if (connection !== probed || connection.state.kind !== "live") return;
  figures.roundTrip(performance.now() - began);
  if (clients !== undefined && session?.channel === channel) await session.checkPresence(clients);
}

function ownClient(): string | undefined {
  return connection.state.kind === "live" ? connection.state.client : undefined;
}
