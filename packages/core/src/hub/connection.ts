import {
  type ClientInfo,
  type Codec,
  type Command,
  type Disconnect,
  disconnects,
  InappropriatePayload,
  type JsonText,
  type Push,
  type Unsubscribe,
} from "@switchyard/protocol";
import { asSwitchyardError } from "../errors/switchyard-error.ts";
import { connectionId, type ChannelName, type ConnectionId } from "../ids.ts";
import type { Link } from "../ports/fan-out.ts";
import { type Answer, closing, done } from "./answer.ts";
import { Capabilities } from "./capabilities.ts";
import { CommandGate } from "./command-gate.ts";
import { connect } from "./commands/connect.ts";
import { execute, handleSend } from "./commands/execute.ts";
import { ConnectionCaller } from "./connection-caller.ts";
import { ConnectionDeadlines } from "./connection-deadlines.ts";
import { decodeFrame } from "./decode-frame.ts";
import type { ClientConnection, ConnectionRequest } from "./hub-edge.ts";
import type { HubServices } from "./hub-services.ts";
import { PublicationRates } from "./publication-rates.ts";
import { RecoveryTurns } from "./recovery-turns.ts";
import { ReplyBatch } from "./reply-batch.ts";
import { SubscriptionList } from "./subscription-list.ts";
import type { Subscription, SubscriptionTerms } from "./subscription.ts";

/** Who a connection turned out to be when it completed connect. */
export interface ConnectionIdentity {
  readonly user: string;
  readonly info: JsonText | undefined;
  readonly meta: JsonText | undefined;
  /** Unix seconds; undefined: never. */
  readonly expireAt: number | undefined;
  readonly appName: string;
  readonly appVersion: string;
  readonly capabilities: Capabilities;
}

/**
 * waiting → (connect command) connecting → connected → closed; or connecting → refused (connect was answered with an
 * error; the next command closes). While connecting, commands that came in the same or later frames wait and then
 * start in order (protocol 1.4, 2.5).
 */
type State = "waiting" | "connecting" | "connected" | "refused" | "closed";

/** What has come behind a connect command that is not answered yet. */
interface Waiting {
  readonly commands: Command[];
  /** Of the frames that came after that of the connect command. */
  characters: number;
}

/** One client connection: its state, its subscriptions, its deadlines. Commands are in `commands/`. */
export class Connection implements ClientConnection {
  readonly id: ConnectionId;
  /** Secret of an emulation transport; "" on WebSocket. */
  readonly session: string;
  readonly link: Link;
  readonly codec: Codec;
  request: ConnectionRequest;
  readonly services: HubServices;
  readonly openedAtMs: number;
  readonly deadlines: ConnectionDeadlines;
  #state: State = "waiting";
  #waiting: Waiting | undefined;
  #identity: ConnectionIdentity | undefined;
  #info: ClientInfo;
  readonly #subscriptions = new SubscriptionList();
  /** Subscriptions being prepared. */
  reservedSubscriptions = 0;
  /** The last task per channel that later ones wait for; only while one is running. */
  #tasks: Map<string, Promise<unknown>> | undefined;
  #gate: CommandGate;
  #rates: PublicationRates | undefined;
  /** Only while a recovery is under way. */
  #recoveries: RecoveryTurns | undefined;
  /** Once it has called a method. */
  #caller: ConnectionCaller | undefined;
  /** Answers of methods, which come in crowds. */
  #replies: ReplyBatch | undefined;
  #aborter: AbortController | undefined;

  constructor(link: Link, codec: Codec, request: ConnectionRequest, services: HubServices) {
    this.id = connectionId(services.random.uuid());
    this.session = link.fanOut.transport === "websocket" ? "" : services.random.uuid();
    this.link = link;
    this.codec = codec;
    this.request = request;
    this.services = services;
    this.openedAtMs = services.clock.now();
    this.#info = { user: "", client: this.id, connInfo: undefined, chanInfo: undefined };
    this.#gate = new CommandGate(services);
    this.deadlines = new ConnectionDeadlines(this);
  }

  get connected(): boolean {
    return this.#state === "connected";
  }

  get closed(): boolean {
    return this.#state === "closed";
  }

  get user(): string {
    return this.#info.user;
  }

  get info(): ClientInfo {
    return this.#info;
  }

  get identity(): ConnectionIdentity | undefined {
    return this.#identity;
  }

  get capabilities(): Capabilities {
    return this.#identity?.capabilities ?? Capabilities.none;
  }

  get caller(): ConnectionCaller {
    return (this.#caller ??= new ConnectionCaller(this));
  }

  get subscriptions(): SubscriptionList {
    return this.#subscriptions;
  }

  /** Aborted when the connection ends. */
  get signal(): AbortSignal {
    this.#aborter ??= new AbortController();
    if (this.closed) this.#aborter.abort();
    return this.#aborter.signal;
  }

  receive(frame: string): void {
    if (this.closed) return;
    const { limits } = this.services.options;
    const limit = this.connected ? limits.frameBytes : limits.frameBytesBeforeConnect;
    const decoded = decodeFrame(frame, this.codec, limit);
    if ("disconnect" in decoded) {
      this.services.log.info(
        { client: this.id, requestId: this.request.requestId, why: decoded.why },
        "bad frame",
      );
      return this.close(decoded.disconnect);
    }
    if (this.#state === "connecting") this.#countWaiting(frame.length);
    for (const command of decoded.commands) this.#take(command);
  }

  receiveOversized(): void {
    this.close(disconnects.frameTooBig);
  }

  drained(): void {
    this.#recoveries?.drained();
    this.#caller?.drained();
  }

  transportClosed(code: number, slow: boolean): void {
    this.#end(slow ? disconnects.slow.code : code);
  }

  /** Tells the client why, ends the transport and gives back everything. Idempotent. */
  close(disconnect: Disconnect): void {
    if (this.closed) return;
    this.#replies?.flush();
    if (this.closed) return; // that was one frame too many
    if (disconnect.code !== disconnects.connectionClosed.code && disconnect.code >= 3000) {
      this.push({ type: "disconnect", disconnect });
    }
    this.#end(disconnect.code);
    this.link.close(disconnect);
  }

  /** A payload that this encoding cannot carry ends the connection (protocol 1.6). */
  push(push: Push): void {
    if (this.closed) return;
    let frame: string;
    try {
      frame = this.codec.push(push);
    } catch (error) {
      if (error instanceof InappropriatePayload)
        return this.close(disconnects.inappropriateProtocol);
      throw error;
    }
    this.link.send(frame);
  }

  /** The client has proved who it is. It counts as this user's from now on, and as connected once it has its reply. */
  establish(identity: ConnectionIdentity): void {
    this.#identity = identity;
    this.#info = {
      user: identity.user,
      client: this.id,
      connInfo: identity.info,
      chanInfo: undefined,
    };
    this.services.connections.identify(this);
  }

  /** Replaces what a refresh changes. */
  renew(change: {
    readonly expireAt: number | undefined;
    readonly info: JsonText | undefined;
    /** undefined: the old ones stay. */
    readonly capabilities?: Capabilities;
  }): void {
    if (!this.#identity) return;
    const info = change.info ?? this.#identity.info;
    const capabilities = change.capabilities ?? this.#identity.capabilities;
    this.#identity = { ...this.#identity, expireAt: change.expireAt, info, capabilities };
    this.#info = { ...this.#info, connInfo: info };
    this.deadlines.expires(change.expireAt);
  }

  /** `replaced`: the one of the same channel that it follows, from `takeReplaced`. */
  addSubscription(subscription: Subscription, replaced: Subscription | undefined): void {
    const { channel, announces } = subscription.terms;
    this.#subscriptions.add(subscription);
    this.services.observer.subscribed();
    if (subscription.expireAt !== undefined) this.deadlines.subscriptionExpires();
    if (announces && !replaced?.terms.announces) this.#announce("join", channel, subscription.info);
  }

  /** Ends a subscription, if there is one, and tells the client so. */
  unsubscribe(channel: ChannelName, unsubscribe: Unsubscribe): void {
    this.endSubscription(channel);
    this.push({ type: "unsubscribe", channel, unsubscribe });
  }

  endSubscription(channel: ChannelName): void {
    const subscription = this.#subscriptions.get(channel);
    if (!subscription) return;
    this.#subscriptions.delete(subscription);
    this.#leave(subscription);
  }

  /** Ends the subscription, if there is one, that another one with `terms` follows in this turn: nobody is told of a leave. */
  takeReplaced(terms: SubscriptionTerms): Subscription | undefined {
    const replaced = this.#subscriptions.get(terms.channel);
    if (!replaced) return undefined;
    this.#subscriptions.delete(replaced);
    replaced.local.leave(replaced);
    this.services.observer.unsubscribed();
    if (replaced.terms.presence && !terms.presence) this.removePresence(terms.channel);
    return replaced;
  }

  removePresence(channel: ChannelName): void {
    this.services.bus.presence.remove(channel, this.id).catch((error: unknown) => {
      this.services.log.warn(
        { channel, client: this.id, err: error },
        "could not remove a presence entry",
      );
    });
  }

  /** False: above the namespace's rate. `perSecond` 0: unbounded. */
  admitsPublication(channel: ChannelName, perSecond: number): boolean {
    if (perSecond === 0) return true;
    return (this.#rates ??= new PublicationRates()).admit(
      channel,
      perSecond,
      this.services.clock.monotonic(),
    );
  }

  /** Seconds until `expireAt` (Unix seconds), at least 1; undefined: never. */
  secondsUntil(expireAt: number | undefined): number | undefined {
    return expireAt === undefined
      ? undefined
      : Math.max(1, Math.ceil(expireAt - this.services.clock.now() / 1000));
  }

  /** Runs `task` after all earlier tasks of this connection on `channel` (protocol 3.3). */
  serially<Result>(channel: string, task: () => Promise<Result>): Promise<Result> {
    const previous = this.#tasks?.get(channel);
    const run = previous ? previous.then(task) : task();
    const settled = run.then(
      () => {},
      () => {},
    );
    const tasks = (this.#tasks ??= new Map());
    tasks.set(channel, settled);
    void settled.then(() => {
      if (tasks.get(channel) === settled) tasks.delete(channel);
      // An idle connection keeps no map.
      if (tasks.size === 0 && this.#tasks === tasks) this.#tasks = undefined;
    });
    return run;
  }

  /** Runs `task` when no subscribe or unsubscribe of `channel` is under way: at once in the common case. */
  afterTasks<Result>(channel: string, task: () => Promise<Result>): Promise<Result> {
    const previous = this.#tasks?.get(channel);
    return previous ? previous.then(task) : task();
  }

  /**
   * Runs `recover` when the recoveries of other channels before it have been sent and no more than `maxWaitingBytes`
   * (default: `pauseBytes`) of all that was sent waits for the client.
   */
  async recovering<Result>(
    recover: () => Promise<Result>,
    maxWaitingBytes?: number,
  ): Promise<Result> {
    const { clock, options } = this.services;
    const { pauseBytes } = options.limits;
    const turns = (this.#recoveries ??= new RecoveryTurns({ link: this.link, clock, pauseBytes }));
    try {
      return await turns.take(recover, maxWaitingBytes);
    } finally {
      if (turns.idle) this.#recoveries = undefined;
    }
  }

  /** Messages were sent that want an answer each: those are not counted as commands per second. */
  earn(messages: number): void {
    this.#gate.earn(messages);
  }

  #take(command: Command): void {
    if (this.closed) return;
    if (command.method !== "pong") this.services.observer.commandReceived(command.method);
    switch (this.#state) {
      case "waiting":
        return this.#takeFirst(command);
      case "connecting":
        return this.#enqueue(command);
      case "connected":
        return this.#start(command);
      default:
        return this.close(disconnects.badRequest);
    }
  }

  #takeFirst(command: Command): void {
    if (command.method !== "connect") return this.close(disconnects.badRequest);
    this.#state = "connecting";
    this.#run(command, connect(this, command.request, command.id));
  }

  #enqueue(command: Command): void {
    if (command.method === "connect" || command.method === "pong")
      return this.close(disconnects.badRequest);
    const { commands } = (this.#waiting ??= { commands: [], characters: 0 });
    commands.push(command);
    if (commands.length > this.services.options.limits.commandsInFlight)
      this.close(disconnects.tooManyRequests);
  }

  /** Nobody has proved who they are yet: all frames together may be as long as one. */
  #countWaiting(characters: number): void {
    const waiting = (this.#waiting ??= { commands: [], characters: 0 });
    waiting.characters += characters;
    if (waiting.characters > this.services.options.limits.frameBytesBeforeConnect)
      this.close(disconnects.tooManyRequests);
  }

  #start(command: Command): void {
    if (command.method === "pong") {
      if (!this.deadlines.ponged()) this.close(disconnects.badRequest);
      return;
    }
    if (command.method === "connect") return this.close(disconnects.badRequest);
    const verdict = this.#gate.admit(command.method);
    if (verdict === "flooding") return this.close(disconnects.tooManyRequests);
    if (command.method === "send") return handleSend(this, command.data, verdict === "over");
    if (verdict === "over")
      return this.#finish(command, { kind: "refusal", error: "tooManyRequests" });
    this.#run(command, execute(this, command));
  }

  #run(command: Exclude<Command, { method: "pong" | "send" }>, running: Promise<Answer>): void {
    this.#gate.started();
    void running
      .catch((thrown: unknown) => this.#fault(command.method, thrown))
      .then((answer) => {
        this.#gate.ended();
        this.#finish(command, answer);
      });
  }

  #fault(method: string, thrown: unknown): Answer {
    if (this.closed) return done;
    if (thrown instanceof InappropriatePayload) return closing(disconnects.inappropriateProtocol);
    const error = asSwitchyardError(thrown);
    const fields = {
      client: this.id,
      requestId: this.request.requestId,
      method,
      err: error.cause ?? error,
    };
    this.services.log[error.row.logLevel](fields, "a command failed");
    return { kind: "refusal", error: error.kind };
  }

  #finish(command: Exclude<Command, { method: "pong" | "send" }>, answer: Answer): void {
    if (this.closed) return;
    const frame = this.#gate.encode(this.codec, command, answer);
    if (typeof frame !== "string") return frame && this.close(frame);
    if (command.method === "rpc") {
      const replies = (this.#replies ??= new ReplyBatch(this.link));
      replies.add(frame);
      if (answer.kind === "reply" && answer.answered) replies.flush();
    } else this.link.send(frame);
    // The frame may have been one too many for a slow link.
    if (answer.kind === "reply" && !this.closed) answer.answered?.();
    if (answer.kind !== "reply" && this.#gate.countError(command.method, answer))
      this.close(disconnects.tooManyErrors);
    if (command.method !== "connect") return;
    // What came behind the connect was sent before the client could know; only what comes now breaks the protocol.
    this.#state = "refused";
    this.#waiting = undefined;
    this.services.connections.disown(this);
  }

  /** The connect command has written its reply: what came behind it starts now, in order. */
  connectAnswered(): void {
    this.#state = "connected";
    // A token may be long, and nobody asks for it again.
    this.request = { ...this.request, bearerToken: undefined };
    this.deadlines.established(this.#identity?.expireAt);
    const commands = this.#waiting?.commands ?? [];
    this.#waiting = undefined;
    for (const command of commands) this.#take(command);
  }

  #end(code: number): void {
    if (this.closed) return;
    const { connections, observer } = this.services;
    this.#state = "closed";
    this.#waiting = undefined;
    this.deadlines.cancel();
    connections.remove(this);
    for (const subscription of this.#subscriptions.values()) {
      this.#subscriptions.delete(subscription);
      this.#leave(subscription);
    }
    this.#recoveries?.cancel();
    this.#caller?.close();
    this.#aborter?.abort();
    observer.connectionClosed(this.link.fanOut.transport, code);
    // What the client must mend is worth a line without being asked for.
    const level = code >= 3500 && code < 4000 ? "info" : "debug";
    this.services.log[level](
      { client: this.id, user: this.user, requestId: this.request.requestId, code },
      "connection closed",
    );
  }

  #leave(subscription: Subscription): void {
    const { channel, presence, announces } = subscription.terms;
    subscription.local.leave(subscription);
    this.services.observer.unsubscribed();
    if (presence) this.removePresence(channel);
    if (announces) this.#announce("leave", channel, subscription.info);
  }

  #announce(type: "join" | "leave", channel: ChannelName, info: ClientInfo): void {
    this.services.bus.channels.announce(channel, { type, info }).catch((error: unknown) => {
      this.services.log.warn(
        { channel, client: this.id, err: error },
        "could not announce a presence change",
      );
    });
  }
}
